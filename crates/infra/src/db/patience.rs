//! Time limits of database work.

use std::time::Duration;

/// Longest time a job may wait for a thread before it fails as unavailable. A wait for a lock (at most two seconds) may
/// follow; the sum stays below three seconds.
pub(super) const MAX_QUEUE_WAIT: Duration = Duration::from_millis(900);
/// The `Retry-After` of every unavailable error.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(1);
