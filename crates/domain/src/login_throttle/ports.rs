//! Ports of the login throttle.

use std::time::Duration;

use async_trait::async_trait;

use super::{AttemptResult, ThrottleKey};
use crate::error::PortError;

/// Whether the throttle admits an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptAdmission {
    /// The password may be verified; the attempt is counted as a failure.
    Admitted,
    /// The attempt is not counted and not verified.
    Refused {
        /// Time until the next attempt is admitted.
        retry_after: Duration,
    },
}

/// Stores the failure records of the login throttle, shared by all instances.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
#[async_trait]
pub trait LoginThrottle: Send + Sync {
    /// Counts an attempt under every key if [`super::count_attempt`] admits it for all of them by the database's clock,
    /// and under none otherwise. MUST NOT admit more attempts concurrently than sequentially.
    ///
    /// # Errors
    /// Any `PortError` from the adapter.
    async fn count(&self, keys: &[ThrottleKey]) -> Result<AttemptAdmission, PortError>;

    /// Releases a counted attempt under every key, see [`super::release`].
    ///
    /// # Errors
    /// Any `PortError` from the adapter.
    async fn release(&self, keys: &[ThrottleKey], result: AttemptResult) -> Result<(), PortError>;
}
