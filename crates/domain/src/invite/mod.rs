//! Invites: codes that allow a number of registrations when registration is by invitation only.

mod error;
mod model;
mod ports;
mod service;
#[cfg(test)]
mod tests;

pub use error::InviteError;
pub use model::{Invite, InviteCode, InviteTerms};
pub use ports::InviteRepository;
#[cfg(any(test, feature = "test-support"))]
pub use ports::MockInviteRepository;
pub use service::InviteService;
