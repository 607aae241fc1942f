//! A fixed number of plain threads behind a bounded queue.
//!
//! A runtime's blocking pool grows and wakes threads as it likes; these do not. When the queue is full the caller is told
//! at once, and a caller that has gone away before its turn is skipped.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use prometheus::Histogram;
use tokio::sync::oneshot;

use crate::metrics::{self, Collectors, Sampled};

/// Why a job has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// The queue was full.
    #[error("the queue of {0} is full")]
    QueueFull(&'static str),
    /// The job was not begun in time; it never will be.
    #[error("the threads of {0} did not get to it in time")]
    NotBegun(&'static str),
    /// The job panicked; the thread lives on.
    #[error("a job of {0} panicked")]
    Panicked(&'static str),
}

type Work = Box<dyn FnOnce() + Send>;

/// Work that waits for a thread, and since when.
struct Job {
    work: Work,
    since: Instant,
}

/// The threads and their queue.
pub struct Threads {
    name: &'static str,
    queue: Sender<Job>,
    /// The other end, to look how many wait. It keeps no thread alive.
    waiting: Receiver<Job>,
    wait: Histogram,
    patience: Duration,
}

/// Where a job stands; the one who moves it on from `WAITING` decides what becomes of it.
const WAITING: u8 = 0;
const BEGUN: u8 = 1;
const GIVEN_UP: u8 = 2;

impl Threads {
    /// Starts `count` threads behind a queue of `queue` jobs. A job that is not begun within `patience` is given up.
    ///
    /// # Errors
    /// When the system starts no more threads.
    pub fn start(
        name: &'static str,
        count: usize,
        queue: usize,
        patience: Duration,
    ) -> std::io::Result<Self> {
        Self::start_prepared(name, count, queue, patience, || ())
    }

    /// As [`Threads::start`]; each thread first runs `prepare`.
    ///
    /// # Errors
    /// When the system starts no more threads.
    pub fn start_prepared(
        name: &'static str,
        count: usize,
        queue: usize,
        patience: Duration,
        prepare: fn(),
    ) -> std::io::Result<Self> {
        let help = "How long jobs waited for a thread.";
        let label = Some(("queue", name));
        let wait = metrics::histogram("hongyan_queue_wait_seconds", help, label, metrics::WAITS)?;
        let (sender, receiver) = bounded::<Job>(queue);
        for number in 0..count {
            let (receiver, wait) = (receiver.clone(), wait.clone());
            std::thread::Builder::new().name(format!("{name}-{number}")).spawn(move || {
                prepare();
                work(&receiver, &wait);
            })?;
        }
        Ok(Self { name, queue: sender, waiting: receiver, wait, patience })
    }

    /// How many jobs wait, and how long they have waited.
    ///
    /// # Errors
    /// When a name cannot be used.
    pub fn collectors(&self) -> std::io::Result<Collectors> {
        let waiting = self.waiting.clone();
        let help = "How many jobs wait for a thread.";
        let depth =
            Sampled::new("hongyan_queue_depth", help, Some(("queue", self.name)), move || waiting.len())?;
        Ok(vec![Box::new(depth), Box::new(self.wait.clone())])
    }

    /// How many jobs wait for a thread.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    fn put(&self, work: Work) -> Result<(), TrySendError<Job>> {
        self.queue.try_send(Job { work, since: Instant::now() })
    }

    /// Leaves a job to the threads, which has its own way to answer. Is false when the queue is full.
    pub fn post(&self, job: impl FnOnce() + Send + 'static) -> bool {
        self.put(Box::new(job)).is_ok()
    }

    /// Runs `job` on one of the threads, within the caller's tracing span.
    ///
    /// # Errors
    /// See [`JobError`].
    pub async fn run<T, F>(&self, job: F) -> Result<T, JobError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let (reply, mut answer) = oneshot::channel();
        let state = Arc::new(AtomicU8::new(WAITING));
        let queued = self.put(wrap(job, reply, Arc::clone(&state)));
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = queued {
            return Err(JobError::QueueFull(self.name));
        }
        if let Ok(result) = tokio::time::timeout(self.patience, &mut answer).await {
            return result.map_err(|_| JobError::Panicked(self.name));
        }
        let given_up = state.compare_exchange(WAITING, GIVEN_UP, Ordering::AcqRel, Ordering::Acquire).is_ok();
        if given_up {
            return Err(JobError::NotBegun(self.name));
        }
        // It runs, so its outcome counts; how long it may run is bounded where it waits for others.
        answer.await.map_err(|_| JobError::Panicked(self.name))
    }
}

fn wrap<T, F>(job: F, reply: oneshot::Sender<T>, state: Arc<AtomicU8>) -> Work
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let span = tracing::Span::current();
    Box::new(move || {
        let begun = state.compare_exchange(WAITING, BEGUN, Ordering::AcqRel, Ordering::Acquire).is_ok();
        if begun && !reply.is_closed() {
            let result = span.in_scope(job);
            // The caller may have gone away meanwhile; then nobody wants the answer.
            let _ = reply.send(result);
        }
    })
}

fn work(jobs: &Receiver<Job>, wait: &Histogram) {
    for job in jobs {
        wait.observe(job.since.elapsed().as_secs_f64());
        if catch_unwind(AssertUnwindSafe(job.work)).is_err() {
            tracing::error!("a job panicked; its thread goes on");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn threads(queue: usize, patience: Duration) -> Threads {
        Threads::start("test", 1, queue, patience).unwrap()
    }

    /// Occupies the only thread until the returned sender is dropped.
    async fn occupy(threads: &Arc<Threads>) -> std::sync::mpsc::Sender<()> {
        let (release, wait) = std::sync::mpsc::channel::<()>();
        let (begun, has_begun) = oneshot::channel();
        let occupied = Arc::clone(threads);
        tokio::spawn(async move {
            occupied
                .run(move || {
                    let _ = begun.send(());
                    let _ = wait.recv();
                })
                .await
        });
        has_begun.await.unwrap();
        release
    }

    #[tokio::test]
    async fn a_panic_fails_its_own_job_alone() {
        let threads = threads(4, Duration::from_secs(5));
        assert_eq!(threads.run(|| -> u8 { panic!("on purpose") }).await, Err(JobError::Panicked("test")));
        assert_eq!(threads.run(|| 7).await, Ok(7));
    }

    #[tokio::test]
    async fn a_full_queue_is_told_at_once() {
        let threads = Arc::new(threads(1, Duration::from_secs(60)));
        let release = occupy(&threads).await;
        let waiting = tokio::spawn({
            let threads = Arc::clone(&threads);
            async move { threads.run(|| 1).await }
        });
        while threads.queue.is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(threads.run(|| 2).await, Err(JobError::QueueFull("test")));
        drop(release);
        assert_eq!(waiting.await.unwrap(), Ok(1));
    }

    #[tokio::test]
    async fn who_waits_is_counted_and_how_long() {
        let threads = Arc::new(threads(4, Duration::from_secs(60)));
        let registry = prometheus::Registry::new();
        for collector in threads.collectors().unwrap() {
            registry.register(collector).unwrap();
        }
        let read = || prometheus::TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
        let release = occupy(&threads).await;
        assert!(threads.post(|| ()));
        assert!(read().contains("hongyan_queue_depth{queue=\"test\"} 1\n"), "{}", read());
        drop(release);
        threads.run(|| ()).await.unwrap();
        assert!(read().contains("hongyan_queue_depth{queue=\"test\"} 0\n"), "{}", read());
        assert!(read().contains("hongyan_queue_wait_seconds_count{queue=\"test\"} 3\n"), "{}", read());
    }

    #[tokio::test]
    async fn a_job_that_is_not_begun_in_time_never_runs() {
        let threads = Arc::new(threads(4, Duration::from_millis(20)));
        let release = occupy(&threads).await;
        let ran = Arc::new(AtomicU8::new(0));
        let counter = Arc::clone(&ran);
        let result = threads.run(move || counter.fetch_add(1, Ordering::SeqCst)).await;
        assert_eq!(result, Err(JobError::NotBegun("test")));
        drop(release);
        // The queue is served in order, so this comes after the one that was given up.
        while threads.run(|| ()).await.is_err() {}
        assert_eq!(ran.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn a_job_whose_caller_has_gone_away_is_skipped() {
        let threads = Arc::new(threads(4, Duration::from_secs(60)));
        let release = occupy(&threads).await;
        let ran = Arc::new(AtomicU8::new(0));
        let gone = tokio::spawn({
            let (threads, ran) = (Arc::clone(&threads), Arc::clone(&ran));
            async move { threads.run(move || ran.fetch_add(1, Ordering::SeqCst)).await }
        });
        while threads.queue.is_empty() {
            tokio::task::yield_now().await;
        }
        gone.abort();
        assert!(gone.await.unwrap_err().is_cancelled());
        drop(release);
        threads.run(|| ()).await.unwrap();
        assert_eq!(ran.load(Ordering::SeqCst), 0);
    }
}
