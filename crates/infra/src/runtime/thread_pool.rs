//! A thread pool of fixed size behind a bounded queue.
//!
//! Blocking work (Diesel, bcrypt) must not run on the threads of the async runtime, and the runtime's own blocking pool grows
//! on demand behind an unbounded queue. Here the number of threads is fixed, and a full queue refuses a job at once, so
//! that overload shows as an error instead of as latency. A job is skipped when its caller is gone or has waited for longer
//! than the pool allows.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use prometheus::Histogram;
use prometheus::core::Collector;

use super::job::{BoxedJob, cancellable};
use super::worker::Worker;
use crate::metrics::{self, Collectors};

pub use super::job::JobError;

/// A job in the queue.
struct QueuedJob {
    job: BoxedJob,
    queued_at: Instant,
}

/// The threads and their queue. The threads finish the queued jobs and end when this value is dropped.
pub struct ThreadPool {
    name: &'static str,
    worker: Worker,
    queue: Sender<QueuedJob>,
    /// The receiving end, used for its length only. It keeps no thread alive.
    queued: Receiver<QueuedJob>,
    wait: Histogram,
    max_queue_wait: Duration,
}

impl ThreadPool {
    /// Starts `count` threads with a queue of `capacity` jobs. A job that no thread takes within `max_queue_wait` fails with
    /// [`JobError::QueueTimeout`].
    ///
    /// # Errors
    /// When the system cannot start another thread.
    pub fn start(
        name: &'static str,
        count: usize,
        capacity: usize,
        max_queue_wait: Duration,
    ) -> std::io::Result<Self> {
        Self::start_with_setup(name, count, capacity, max_queue_wait, || ())
    }

    /// As [`ThreadPool::start`]; each thread runs `setup` first.
    ///
    /// # Errors
    /// When the system cannot start another thread.
    pub fn start_with_setup(
        name: &'static str,
        count: usize,
        capacity: usize,
        max_queue_wait: Duration,
        setup: fn(),
    ) -> std::io::Result<Self> {
        let wait = metrics::queue_wait(name)?;
        let (queue, queued) = bounded::<QueuedJob>(capacity);
        let worker = Worker::new(name)?;
        for number in 0..count {
            let wait = wait.clone();
            worker.consume(number, queued.clone(), setup, move |QueuedJob { job, queued_at }| {
                wait.observe(queued_at.elapsed().as_secs_f64());
                job();
            })?;
        }
        Ok(Self { name, worker, queue, queued, wait, max_queue_wait })
    }

    /// Metrics: the length of the queue, the time that jobs waited in it, and the jobs that panicked.
    ///
    /// # Errors
    /// When a metric's name is invalid.
    pub fn collectors(&self) -> std::io::Result<Collectors> {
        let queued = self.queued.clone();
        let depth = metrics::queue_depth(self.name, move || queued.len())?;
        let mut collectors = self.worker.collectors();
        collectors.extend([Box::new(depth) as Box<dyn Collector>, Box::new(self.wait.clone())]);
        Ok(collectors)
    }

    /// Jobs that wait for a thread.
    #[must_use]
    pub fn queue_len(&self) -> usize {
        self.queued.len()
    }

    fn enqueue(&self, job: BoxedJob) -> Result<(), TrySendError<QueuedJob>> {
        self.queue.try_send(QueuedJob { job, queued_at: Instant::now() })
    }

    /// Queues a job that reports its result by its own means. False when the queue is full.
    pub fn try_spawn(&self, job: impl FnOnce() + Send + 'static) -> bool {
        self.enqueue(Box::new(job)).is_ok()
    }

    /// Runs `job` on one of the threads, within the caller's tracing span, and waits for its result.
    ///
    /// # Errors
    /// See [`JobError`].
    pub async fn run<T, F>(&self, job: F) -> Result<T, JobError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let (job, ticket) = cancellable(job);
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = self.enqueue(job) {
            return Err(JobError::QueueFull(self.name));
        }
        ticket.wait(self.name, self.max_queue_wait).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU8, Ordering};

    use tokio::sync::oneshot;

    use super::*;

    fn pool(capacity: usize, max_queue_wait: Duration) -> ThreadPool {
        ThreadPool::start("test", 1, capacity, max_queue_wait).unwrap()
    }

    /// Blocks the only thread until the returned sender is dropped.
    async fn block(pool: &Arc<ThreadPool>) -> std::sync::mpsc::Sender<()> {
        let (release, wait) = std::sync::mpsc::channel::<()>();
        let (started, has_started) = oneshot::channel();
        let blocked = Arc::clone(pool);
        tokio::spawn(async move {
            blocked
                .run(move || {
                    let _ = started.send(());
                    let _ = wait.recv();
                })
                .await
        });
        has_started.await.unwrap();
        release
    }

    #[tokio::test]
    async fn a_panic_fails_its_own_job_alone() {
        let pool = pool(4, Duration::from_secs(5));
        assert_eq!(pool.run(|| -> u8 { panic!("on purpose") }).await, Err(JobError::Panicked("test")));
        assert_eq!(pool.run(|| 7).await, Ok(7));
    }

    #[tokio::test]
    async fn a_full_queue_refuses_a_job_at_once() {
        let pool = Arc::new(pool(1, Duration::from_secs(60)));
        let release = block(&pool).await;
        let waiting = tokio::spawn({
            let pool = Arc::clone(&pool);
            async move { pool.run(|| 1).await }
        });
        while pool.queue.is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(pool.run(|| 2).await, Err(JobError::QueueFull("test")));
        drop(release);
        assert_eq!(waiting.await.unwrap(), Ok(1));
    }

    #[tokio::test]
    async fn queue_length_and_waiting_times_are_measured() {
        let pool = Arc::new(pool(4, Duration::from_secs(60)));
        let registry = prometheus::Registry::new();
        for collector in pool.collectors().unwrap() {
            registry.register(collector).unwrap();
        }
        let read = || prometheus::TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
        let release = block(&pool).await;
        assert!(pool.try_spawn(|| ()));
        assert!(read().contains("hongyan_queue_depth{queue=\"test\"} 1\n"), "{}", read());
        drop(release);
        pool.run(|| ()).await.unwrap();
        assert!(read().contains("hongyan_queue_depth{queue=\"test\"} 0\n"), "{}", read());
        assert!(read().contains("hongyan_queue_wait_seconds_count{queue=\"test\"} 3\n"), "{}", read());
    }

    #[tokio::test]
    async fn a_job_that_times_out_in_the_queue_never_runs() {
        let pool = Arc::new(pool(4, Duration::from_millis(20)));
        let release = block(&pool).await;
        let ran = Arc::new(AtomicU8::new(0));
        let counter = Arc::clone(&ran);
        let result = pool.run(move || counter.fetch_add(1, Ordering::SeqCst)).await;
        assert_eq!(result, Err(JobError::QueueTimeout("test")));
        drop(release);
        // The queue is served in order, so this runs after the abandoned job's turn.
        while pool.run(|| ()).await.is_err() {}
        assert_eq!(ran.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn a_job_whose_caller_is_gone_is_skipped() {
        let pool = Arc::new(pool(4, Duration::from_secs(60)));
        let release = block(&pool).await;
        let ran = Arc::new(AtomicU8::new(0));
        let gone = tokio::spawn({
            let (pool, ran) = (Arc::clone(&pool), Arc::clone(&ran));
            async move { pool.run(move || ran.fetch_add(1, Ordering::SeqCst)).await }
        });
        while pool.queue.is_empty() {
            tokio::task::yield_now().await;
        }
        gone.abort();
        assert!(gone.await.unwrap_err().is_cancelled());
        drop(release);
        pool.run(|| ()).await.unwrap();
        assert_eq!(ran.load(Ordering::SeqCst), 0);
    }
}
