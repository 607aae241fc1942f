//! The account lifecycle: disabling, enabling and erasing.
//!
//! Erasure takes effect in one short transaction. A background job then deletes the account's data in bounded steps,
//! see [`ErasureRepository`].

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
