//! The login throttle: rate limiting of failed logins.
//!
//! Failures count per identifier with exponential backoff, and per client address with a leaky bucket. Attempts from a
//! [known device](crate::known_device) of the account count apart from all others, and so do those of a logged-in session. An
//! attempt counts as a failure before it is verified and is released on success.

mod address;
mod model;
mod ports;
#[cfg(test)]
mod tests;

pub use address::ClientAddress;
pub use model::{AttemptResult, EnteredIdentifier, FailureRecord, ThrottleKey, count_attempt, release};
#[cfg(any(test, feature = "test-support"))]
pub use ports::MockLoginThrottle;
pub use ports::{AttemptAdmission, LoginThrottle};
