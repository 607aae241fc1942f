//! Operator commands: listing accounts, resetting passwords and ending sessions from the command line.

mod error;
mod model;
mod ports;
mod service;
#[cfg(test)]
mod tests;

pub use crate::account::AccountState;
pub use error::AdminError;
pub use model::{Account, AccountCursor, AccountDetails, AccountPage, AccountPageRequest};
pub use ports::AdminRepository;
#[cfg(any(test, feature = "test-support"))]
pub use ports::MockAdminRepository;
pub use service::AdminService;
