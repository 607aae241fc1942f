//! A thread pool of fixed size behind a bounded queue.
//!
//! Blocking work (Diesel, bcrypt) must not run on the threads of the async runtime, and the runtime's own blocking pool grows
//! on demand behind an unbounded queue. Here the number of threads is fixed, and a full queue refuses a job at once, so
//! that overload shows as an error instead of as latency. A job is skipped when its caller is gone or has waited for longer
//! than the pool allows.

use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded, never, select};
use prometheus::Histogram;
use prometheus::core::Collector;

use super::job::{BoxedJob, JobLimits, StallPlace, cancellable};
use super::worker::Worker;
use crate::metrics::{self, Collectors};

pub use super::job::JobError;

/// A job in a queue.
struct QueuedJob {
    job: BoxedJob,
    queued_at: Instant,
}

/// What a job may wait for, and thus which threads it may occupy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JobClass {
    /// It reads, and runs on any thread.
    Read,
    /// It waits for locks and for a COMMIT, and runs on some threads only, so that waiting writes leave threads to reads.
    Write,
}

/// The size of a pool.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PoolSize {
    pub(crate) threads: usize,
    /// Threads of these that run jobs of [`JobClass::Write`].
    pub(crate) writing: usize,
    /// Jobs of each class that may wait.
    pub(crate) capacity: usize,
}

impl PoolSize {
    /// A pool that does not tell classes apart.
    pub(crate) const fn of_one_class(threads: usize, capacity: usize) -> Self {
        Self { threads, writing: 0, capacity }
    }
}

/// The threads and their queues. The threads finish the queued jobs and end when this value is dropped.
pub struct ThreadPool {
    name: &'static str,
    worker: Worker,
    reads: Sender<QueuedJob>,
    writes: Sender<QueuedJob>,
    /// The receiving ends, used for their length only. They keep no thread alive.
    queued: [Receiver<QueuedJob>; 2],
    wait: Histogram,
    limits: JobLimits,
}

impl ThreadPool {
    /// Starts the threads of `worker`; each runs `setup` first.
    ///
    /// # Errors
    /// When the system cannot start another thread.
    pub(crate) fn start(
        name: &'static str,
        worker: Worker,
        size: PoolSize,
        limits: JobLimits,
        setup: fn(),
    ) -> std::io::Result<Self> {
        let wait = metrics::queue_wait(name)?;
        let (reads, queued_reads) = bounded::<QueuedJob>(size.capacity);
        let (writes, queued_writes) = bounded::<QueuedJob>(size.capacity);
        for number in 0..size.threads {
            let wait = wait.clone();
            let reads = queued_reads.clone();
            let writes = if number < size.writing { queued_writes.clone() } else { never() };
            let next = move || next_of(&reads, &writes);
            worker.consume(number, setup, next, move |QueuedJob { job, queued_at }| {
                wait.observe(queued_at.elapsed().as_secs_f64());
                job();
            })?;
        }
        Ok(Self { name, worker, reads, writes, queued: [queued_reads, queued_writes], wait, limits })
    }

    /// Metrics: the length of the queue, the time that jobs waited in it, and the jobs that panicked.
    ///
    /// # Errors
    /// When a metric's name is invalid.
    pub fn collectors(&self) -> std::io::Result<Collectors> {
        let queued = self.queued.clone();
        let depth = metrics::queue_depth(self.name, move || queued.iter().map(Receiver::len).sum())?;
        let mut collectors = self.worker.collectors()?;
        collectors.extend([Box::new(depth) as Box<dyn Collector>, Box::new(self.wait.clone())]);
        Ok(collectors)
    }

    /// Jobs that wait for a thread.
    #[must_use]
    pub fn queue_len(&self) -> usize {
        self.queued.iter().map(Receiver::len).sum()
    }

    /// How long the callers of jobs wait.
    pub(crate) const fn limits(&self) -> JobLimits {
        self.limits
    }

    /// Whether work on the database stands still, here or in another pool.
    pub(crate) fn standstill(&self) -> StallPlace {
        if self.worker.is_stalled() { StallPlace::Elsewhere } else { StallPlace::Nowhere }
    }

    fn enqueue(&self, class: JobClass, job: BoxedJob) -> Result<(), TrySendError<QueuedJob>> {
        let queue = match class {
            JobClass::Read => &self.reads,
            JobClass::Write => &self.writes,
        };
        queue.try_send(QueuedJob { job, queued_at: Instant::now() })
    }

    /// Queues a job that reports its result by its own means. False when the queue is full.
    pub(crate) fn try_spawn(&self, class: JobClass, job: impl FnOnce() + Send + 'static) -> bool {
        self.enqueue(class, Box::new(job)).is_ok()
    }

    /// Runs `job` on one of the threads, within the caller's tracing span, and waits for its result.
    ///
    /// # Errors
    /// See [`JobError`].
    pub(crate) async fn run<T, F>(&self, class: JobClass, job: F) -> Result<T, JobError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let (job, ticket) = cancellable(job);
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = self.enqueue(class, job) {
            return Err(JobError::QueueFull(self.name));
        }
        ticket.wait(self.name, self.limits, || self.standstill()).await
    }
}

/// The next job of a thread; `None` when the pool has been dropped and no job is left.
fn next_of(reads: &Receiver<QueuedJob>, writes: &Receiver<QueuedJob>) -> Option<QueuedJob> {
    select! {
        recv(reads) -> job => job.ok().or_else(|| writes.try_recv().ok()),
        recv(writes) -> job => job.ok().or_else(|| reads.try_recv().ok()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU8, Ordering};
    use std::time::Duration;

    use tokio::sync::oneshot;

    use super::*;

    fn pool(capacity: usize, max_queue_wait: Duration) -> ThreadPool {
        let (size, limits) = (PoolSize::of_one_class(1, capacity), JobLimits::unlimited(max_queue_wait));
        ThreadPool::start("test", Worker::new("test").unwrap(), size, limits, || ()).unwrap()
    }

    /// Blocks the only thread until the returned sender is dropped.
    async fn block(pool: &Arc<ThreadPool>) -> std::sync::mpsc::Sender<()> {
        let (release, wait) = std::sync::mpsc::channel::<()>();
        let (started, has_started) = oneshot::channel();
        let blocked = Arc::clone(pool);
        tokio::spawn(async move {
            blocked
                .run(JobClass::Read, move || {
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
        assert_eq!(
            pool.run(JobClass::Read, || -> u8 { panic!("on purpose") }).await,
            Err(JobError::Panicked("test"))
        );
        assert_eq!(pool.run(JobClass::Read, || 7).await, Ok(7));
    }

    #[tokio::test]
    async fn a_full_queue_refuses_a_job_at_once() {
        let pool = Arc::new(pool(1, Duration::from_secs(60)));
        let release = block(&pool).await;
        let waiting = tokio::spawn({
            let pool = Arc::clone(&pool);
            async move { pool.run(JobClass::Read, || 1).await }
        });
        while pool.reads.is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(pool.run(JobClass::Read, || 2).await, Err(JobError::QueueFull("test")));
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
        assert!(pool.try_spawn(JobClass::Read, || ()));
        assert!(read().contains("hongyan_queue_depth{queue=\"test\"} 1\n"), "{}", read());
        drop(release);
        pool.run(JobClass::Read, || ()).await.unwrap();
        assert!(read().contains("hongyan_queue_depth{queue=\"test\"} 0\n"), "{}", read());
        assert!(read().contains("hongyan_queue_wait_seconds_count{queue=\"test\"} 3\n"), "{}", read());
    }

    #[tokio::test]
    async fn a_job_that_times_out_in_the_queue_never_runs() {
        let pool = Arc::new(pool(4, Duration::from_millis(20)));
        let release = block(&pool).await;
        let ran = Arc::new(AtomicU8::new(0));
        let counter = Arc::clone(&ran);
        let result = pool.run(JobClass::Read, move || counter.fetch_add(1, Ordering::SeqCst)).await;
        assert_eq!(result, Err(JobError::QueueTimeout("test")));
        drop(release);
        // The queue is served in order, so this runs after the abandoned job's turn.
        while pool.run(JobClass::Read, || ()).await.is_err() {}
        assert_eq!(ran.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn a_job_whose_caller_is_gone_is_skipped() {
        let pool = Arc::new(pool(4, Duration::from_secs(60)));
        let release = block(&pool).await;
        let ran = Arc::new(AtomicU8::new(0));
        let gone = tokio::spawn({
            let (pool, ran) = (Arc::clone(&pool), Arc::clone(&ran));
            async move { pool.run(JobClass::Read, move || ran.fetch_add(1, Ordering::SeqCst)).await }
        });
        while pool.reads.is_empty() {
            tokio::task::yield_now().await;
        }
        gone.abort();
        assert!(gone.await.unwrap_err().is_cancelled());
        drop(release);
        pool.run(JobClass::Read, || ()).await.unwrap();
        assert_eq!(ran.load(Ordering::SeqCst), 0);
    }
}
