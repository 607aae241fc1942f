//! Time limits of database work.

use std::time::Duration;

use crate::runtime::job::JobLimits;

/// How long database work waits for what it needs. Waits for locks and statements are limited by the session, see `pool.rs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Longest time that a job waits for a thread before it fails as unavailable.
    pub thread: Duration,
    /// Longest time that a thread waits for a connection.
    pub connection: Duration,
    /// Longest time that a caller waits for a result.
    pub result: Duration,
    /// As `result`, once a connection stands still; and for messages, which are sent again under their keys.
    pub result_while_stalled: Duration,
    /// How many times a server's limits a statement may take before the session or the watchdog ends it; 1 on a server.
    pub stretch: u32,
}

impl Patience {
    /// The patience of a server: a job may wait for a thread and then for a lock (at most two seconds), and the sum stays below
    /// the three seconds in which a request is answered.
    pub const SERVER: Self = Self {
        thread: Duration::from_millis(900),
        connection: Duration::from_secs(2),
        result: Duration::from_millis(4500),
        result_while_stalled: Duration::from_millis(2800),
        stretch: 1,
    };

    /// The patience of background tasks, which no client waits for.
    pub const BACKGROUND: Self = Self {
        result: Duration::from_secs(10),
        result_while_stalled: Duration::from_secs(10),
        ..Self::SERVER
    };

    /// The limits of jobs that wait this long for a thread.
    pub(crate) const fn job_limits(self, thread: Duration) -> JobLimits {
        JobLimits { thread, result: self.result, result_while_stalled: self.result_while_stalled }
    }
}

/// The `Retry-After` of every unavailable error.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(1);
