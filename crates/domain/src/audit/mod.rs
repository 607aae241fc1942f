//! The audit log: what an operator needs to know about logins, sessions, accounts and refusals.
//!
//! An event has a fixed name and names accounts and sessions by id. It never holds a text, a password, a token, a phone number, nor
//! what a client typed to log in, because that may be any of these.

mod model;
mod ports;
#[cfg(test)]
mod tests;

pub use model::{AuditEvent, AuditRecord};
pub use ports::AuditLog;
#[cfg(any(test, feature = "test-support"))]
pub use ports::MockAuditLog;
