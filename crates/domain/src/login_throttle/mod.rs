//! The login throttle: rate limiting of failed logins.
//!
//! Failures count per identifier (or account) with exponential backoff, and per client address with a leaky bucket. An
//! attempt counts as a failure before it is verified and is released on success.

mod model;
mod ports;
#[cfg(test)]
mod tests;

pub use model::{
    AttemptResult, ClientAddress, EnteredIdentifier, FailureRecord, ThrottleKey, count_attempt, release,
};
#[cfg(any(test, feature = "test-support"))]
pub use ports::MockLoginThrottle;
pub use ports::{Admission, LoginThrottle};
