//! What becomes of an account as a whole: being disabled for a while, or erased for ever.
//!
//! Erasing takes effect at once; what belongs to the account is then removed in steps, see [`ErasureRepository`].

mod error;
mod model;
mod ports;
mod service;
#[cfg(test)]
mod tests;

pub use error::AccountError;
pub use model::{AccountState, ErasureStage};
pub use ports::{AccountRepository, ErasureRepository, ErasureStep, StateChange};
#[cfg(any(test, feature = "test-support"))]
pub use ports::{MockAccountRepository, MockErasureRepository};
pub use service::{AccountPorts, AccountService, ErasureProgress, ErasureService};
