//! A job in a queue and the caller that waits for its result.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use domain::error::PortError;
use tokio::sync::oneshot;

/// A job without its result, which it sends itself.
pub(super) type BoxedJob = Box<dyn FnOnce() + Send>;

/// Why a job has no result. Each variant carries the name of the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// The queue was full.
    #[error("the queue of {0} is full")]
    QueueFull(&'static str),
    /// The job waited too long for a thread; it never runs.
    #[error("no thread of {0} was free in time")]
    QueueTimeout(&'static str),
    /// The job panicked; its thread continues with the next job.
    #[error("a job of {0} panicked")]
    Panicked(&'static str),
}

impl JobError {
    /// The error of the port whose work the job was: a panic is internal, anything else is a temporary overload.
    pub(crate) fn into_port_error(self, retry_after: Duration) -> PortError {
        match self {
            Self::Panicked(_) => PortError::internal(self),
            Self::QueueFull(_) | Self::QueueTimeout(_) => PortError::unavailable(retry_after, self),
        }
    }
}

/// States of a job. The side that moves it out of `QUEUED` decides: the thread runs it or the caller abandons it.
const QUEUED: u8 = 0;
const STARTED: u8 = 1;
const ABANDONED: u8 = 2;

/// What the caller of a queued job holds.
pub(super) struct Ticket<T> {
    state: Arc<AtomicU8>,
    result: oneshot::Receiver<T>,
}

impl<T> Ticket<T> {
    /// Waits for the result, at most `max_queue_wait` until the job starts. A job that was dropped before it started was given up
    /// by its queue.
    pub(super) async fn wait(mut self, pool: &'static str, max_queue_wait: Duration) -> Result<T, JobError> {
        if let Ok(result) = tokio::time::timeout(max_queue_wait, &mut self.result).await {
            return result.map_err(|_| self.dropped(pool));
        }
        if self.state.compare_exchange(QUEUED, ABANDONED, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            return Err(JobError::QueueTimeout(pool));
        }
        // The job has started, so its result counts. Its own timeouts (statement, lock) bound how long it runs.
        self.result.await.map_err(|_| JobError::Panicked(pool))
    }

    fn dropped(&self, pool: &'static str) -> JobError {
        match self.state.load(Ordering::Acquire) {
            QUEUED => JobError::QueueFull(pool),
            _ => JobError::Panicked(pool),
        }
    }
}

/// Makes a job that does nothing when its caller has abandoned it or is gone, and the caller's ticket. The job runs within the
/// caller's tracing span.
pub(super) fn cancellable<T, F>(job: F) -> (BoxedJob, Ticket<T>)
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let (reply, result) = oneshot::channel();
    let state = Arc::new(AtomicU8::new(QUEUED));
    let (span, theirs) = (tracing::Span::current(), Arc::clone(&state));
    let boxed = Box::new(move || {
        let started = theirs.compare_exchange(QUEUED, STARTED, Ordering::AcqRel, Ordering::Acquire).is_ok();
        if started && !reply.is_closed() {
            let result = span.in_scope(job);
            // The caller may be gone by now; the result is dropped then.
            let _ = reply.send(result);
        }
    });
    (boxed, Ticket { state, result })
}
