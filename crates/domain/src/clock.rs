//! The time that tokens are judged by.

use chrono::{DateTime, Utc};

/// Tells the database's time as well as it is known without asking.
///
/// It serves token times only: every window that decides something about stored things (recall, reuse, expiry) is judged
/// where they are read, by the database's clock itself.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
pub trait Clock: Send + Sync {
    /// The present time.
    fn now(&self) -> DateTime<Utc>;
}
