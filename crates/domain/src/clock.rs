//! The time that tokens are stamped with.

use chrono::{DateTime, Utc};

/// Tells the time on this machine.
///
/// It serves token times only: every window that decides something (recall, reuse, expiry) is judged by the
/// database's clock, which all instances share.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
pub trait Clock: Send + Sync {
    /// The present time.
    fn now(&self) -> DateTime<Utc>;
}
