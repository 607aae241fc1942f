//! The threads that open connections, and the watchdog of the threads that use them: one of each per process.

use std::sync::Arc;

use scheduled_thread_pool::ScheduledThreadPool;

use crate::runtime::watchdog::Watchdog;

/// The threads that open connections, for any number of pools.
///
/// r2d2 opens connections in the background, so that a thread that waits for one gets whichever becomes free first.
#[derive(Clone)]
pub struct Connector {
    pub(super) threads: Arc<ScheduledThreadPool>,
    /// Watches the threads that use the connections.
    watchdog: Arc<Watchdog>,
}

impl Connector {
    /// Connections that are opened at once.
    const THREADS: usize = 3;

    /// Starts the threads.
    #[must_use]
    pub fn start() -> Self {
        let threads = ScheduledThreadPool::builder().num_threads(Self::THREADS);
        let threads = Arc::new(threads.thread_name_pattern("db-connect-{}").build());
        Self { threads, watchdog: Arc::new(Watchdog::start()) }
    }

    /// The watchdog of the threads that use the connections.
    pub(super) fn watchdog(&self) -> Arc<Watchdog> {
        Arc::clone(&self.watchdog)
    }
}
