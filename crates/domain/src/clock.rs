//! The clock that issues and checks token times.

use chrono::{DateTime, Utc};

/// An estimate of the database's time that needs no query.
///
/// It is for token times only. Time limits on stored rows (recall, reuse, expiry) are checked in the database, by its own clock.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
pub trait Clock: Send + Sync {
    /// The current time.
    fn now(&self) -> DateTime<Utc>;
}
