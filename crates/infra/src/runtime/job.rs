//! A job in a queue and the caller that waits for its result.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use domain::error::PortError;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use super::watched_thread::{self, WatchedThread};

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
    /// As `result`, while other work on the database stands still: most likely this job does, too.
    pub(crate) result_while_stalled: Duration,
}

/// What is known to stand still while a caller waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StallPlace {
    /// Nothing.
    Nowhere,
    /// Other work on the same database.
    Elsewhere,
    /// The job itself: its thread is given up, so no result will come.
    Here,
}

/// The result of a started job does not come in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ResultOverdue;

impl JobLimits {
    /// The limits of jobs that end by themselves.
    pub(crate) const fn unlimited(thread: Duration) -> Self {
        Self { thread, result: Duration::MAX, result_while_stalled: Duration::MAX }
    }

    /// How often a caller looks whether something stands still: as often as the watchdog.
    const LOOK: Duration = Duration::from_millis(100);

    /// Waits for the result of a job that did not come while it could have been queued. The limit is that of the present moment: a
    /// standstill shows only while the callers wait already.
    ///
    /// # Errors
    /// When it does not come in time.
    pub(crate) async fn wait_on<F: Future + Unpin>(
        &self,
        standstill: impl Fn() -> StallPlace,
        mut result: F,
    ) -> Result<F::Output, ResultOverdue> {
        let begun = Instant::now();
        loop {
            let limit = match standstill() {
                StallPlace::Nowhere => self.result,
                StallPlace::Elsewhere => self.result_while_stalled,
                StallPlace::Here => Duration::ZERO,
            };
            let left = limit.saturating_sub(self.thread).saturating_sub(begun.elapsed());
            if let Ok(result) = timeout(left.min(Self::LOOK), &mut result).await {
                return Ok(result);
            }
            if left <= Self::LOOK {
                return Err(ResultOverdue);
            }
        }
    }
}

/// States of a job. The side that moves it out of `QUEUED` decides: the thread runs it or the caller abandons it.
const QUEUED: u8 = 0;
const STARTED: u8 = 1;
const ABANDONED: u8 = 2;

/// What a job and its caller share.
#[derive(Default)]
struct JobState {
    /// `QUEUED` at first.
    stage: AtomicU8,
    /// The thread that runs the job, if a watchdog watches it.
    thread: OnceLock<Arc<WatchedThread>>,
}

impl JobState {
    /// Moves the job out of `QUEUED`. False if the other side has done so.
    fn leave_queue(&self, stage: u8) -> bool {
        self.stage.compare_exchange(QUEUED, stage, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    fn is_given_up(&self) -> bool {
        self.thread.get().is_some_and(|thread| thread.is_given_up())
    }
}

/// What the caller of a queued job holds.
pub(super) struct Ticket<T> {
    state: Arc<JobState>,
    result: oneshot::Receiver<T>,
}

impl<T> Ticket<T> {
    /// Waits for the result within the limits; `elsewhere` tells what stands still besides this job. A job that was dropped before
    /// it started was given up by its queue.
    pub(super) async fn wait(
        mut self,
        pool: &'static str,
        limits: JobLimits,
        elsewhere: impl Fn() -> StallPlace,
    ) -> Result<T, JobError> {
        if let Ok(result) = timeout(limits.thread, &mut self.result).await {
            return result.map_err(|_| self.dropped(pool));
        }
        if self.state.leave_queue(ABANDONED) {
            return Err(JobError::QueueTimeout(pool));
        }
        // The job has started, so its result counts. Its own timeouts (statement, lock) bound how long it runs, unless the database
        // stands still.
        let Self { state, result } = self;
        let standstill = || if state.is_given_up() { StallPlace::Here } else { elsewhere() };
        let result = limits.wait_on(standstill, result).await;
        result.map_err(|ResultOverdue| JobError::Overdue(pool))?.map_err(|_| JobError::Panicked(pool))
    }

    fn dropped(&self, pool: &'static str) -> JobError {
        match self.state.stage.load(Ordering::Acquire) {
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
    let state = Arc::<JobState>::default();
    let (span, theirs) = (tracing::Span::current(), Arc::clone(&state));
    let boxed = Box::new(move || {
        if theirs.leave_queue(STARTED) && !reply.is_closed() {
            if let Some(thread) = watched_thread::current() {
                // A job starts once.
                let _ = theirs.thread.set(thread);
            }
            let result = span.in_scope(job);
            // The caller may be gone by now; the result is dropped then.
            let _ = reply.send(result);
        }
    });
    (boxed, Ticket { state, result })
}

#[cfg(test)]
mod tests;
