//! Blocks (黑名单): a user refuses another's friendship requests and messages.

mod error;
mod ports;
mod service;
#[cfg(test)]
mod tests;

pub use error::BlockError;
#[cfg(any(test, feature = "test-support"))]
pub use ports::MockBlockRepository;
pub use ports::{BlockCursor, BlockPage, BlockPageRequest, BlockRepository, BlockedUser};
pub use service::BlockService;
