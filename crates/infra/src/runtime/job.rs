//! A job in a queue and the caller that waits for its result.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use domain::error::PortError;
use tokio::sync::oneshot;
use tokio::time::error::Elapsed;

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
    /// The job has started and has no result in time. It may still do its work.
    #[error("a job of {0} takes too long")]
    Overdue(&'static str),
    /// The job panicked; its thread continues with the next job.
    #[error("a job of {0} panicked")]
    Panicked(&'static str),
}

impl JobError {
    /// The error of the port whose work the job was: a panic is internal, anything else is a temporary overload.
    pub(crate) fn into_port_error(self, retry_after: Duration) -> PortError {
        match self {
            Self::Panicked(_) => PortError::internal(self),
            Self::QueueFull(_) | Self::QueueTimeout(_) | Self::Overdue(_) => {
                PortError::unavailable(retry_after, self)
            }
        }
    }
}

/// How long the caller of a job waits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct JobLimits {
    /// Until the job starts.
    pub(crate) thread: Duration,
    /// Until it has a result.
    pub(crate) result: Duration,
    /// As `result`, while another job of the pool stands still: most likely this one does, too.
    pub(crate) result_while_stalled: Duration,
}

impl JobLimits {
    /// The limits of jobs that end by themselves.
    pub(crate) const fn unlimited(thread: Duration) -> Self {
        Self { thread, result: Duration::MAX, result_while_stalled: Duration::MAX }
    }

    /// Waits for the result of a job that did not come while it could have been queued.
    ///
    /// # Errors
    /// When it does not come in time.
    pub(crate) async fn wait_on<F: Future>(&self, stalled: bool, result: F) -> Result<F::Output, Elapsed> {
        let limit = if stalled { self.result_while_stalled } else { self.result };
        tokio::time::timeout(limit.saturating_sub(self.thread), result).await
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
    /// Waits for the result within the limits; `is_stalled` tells whether another job stands still. A job that was dropped before
    /// it started was given up by its queue.
    pub(super) async fn wait(
        mut self,
        pool: &'static str,
        limits: JobLimits,
        is_stalled: impl FnOnce() -> bool,
    ) -> Result<T, JobError> {
        if let Ok(result) = tokio::time::timeout(limits.thread, &mut self.result).await {
            return result.map_err(|_| self.dropped(pool));
        }
        if self.state.compare_exchange(QUEUED, ABANDONED, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            return Err(JobError::QueueTimeout(pool));
        }
        // The job has started, so its result counts. Its own timeouts (statement, lock) bound how long it runs, unless the database
        // stands still.
        let result = limits.wait_on(is_stalled(), self.result).await;
        result.map_err(|_| JobError::Overdue(pool))?.map_err(|_| JobError::Panicked(pool))
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
