//! Data export: everything stored about an account, from one consistent snapshot, streamed in parts.

mod error;
mod model;
mod ports;
mod service;
#[cfg(test)]
mod tests;

pub use error::ExportError;
pub use model::{ExportPart, ExportedConversation, ExportedSession};
pub use ports::{ExportReader, ExportRepository};
#[cfg(any(test, feature = "test-support"))]
pub use ports::{MockExportReader, MockExportRepository};
pub use service::ExportService;
