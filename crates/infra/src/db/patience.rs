//! Time limits of database work.

use std::time::Duration;

/// How long database work waits for what it needs. Waits for locks and statements are limited by the session, see `pool.rs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Longest time that a job waits for a thread before it fails as unavailable.
    pub thread: Duration,
    /// Longest time that a thread waits for a connection.
    pub connection: Duration,
}

impl Patience {
    /// The patience of a server: a job may wait for a thread and then for a lock (at most two seconds), and the sum stays below
    /// the three seconds in which a request is answered.
    pub const SERVER: Self = Self { thread: Duration::from_millis(900), connection: Duration::from_secs(2) };
}

/// The `Retry-After` of every unavailable error.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(1);
