//! A thread pool behind a fair queue, with load shedding by the wait that each client's next job would have.

use std::hash::Hash;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::admission::AdmissionControl;
use super::fair_queue::{FairQueue, Queued};
use super::job::{BoxedJob, JobError, JobLimits, StallPlace, cancellable};
use super::thread_pool::{JobClass, PoolSize, ThreadPool};
use super::worker::Worker;
use crate::metrics::Collectors;

/// The place of a job in a fair queue: its lane and its flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place<K> {
    pub(crate) lane: usize,
    pub(crate) flow: K,
}

/// The settings of a pool.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FairPoolSettings<'a> {
    pub(crate) name: &'static str,
    pub(crate) threads: usize,
    /// The capacities of the lanes, in jobs.
    pub(crate) lanes: &'a [usize],
    /// Longest time a job may wait for a thread.
    pub(crate) max_queue_wait: Duration,
    /// The duration of a job, until jobs are measured.
    pub(crate) initial_estimate: Duration,
}

/// The threads and their queue.
pub(crate) struct FairPool<K> {
    name: &'static str,
    max_queue_wait: Duration,
    admission: Arc<AdmissionControl>,
    queue: Arc<Mutex<FairQueue<K, BoxedJob>>>,
    /// Each queued job has a token here, which runs the job whose turn it is.
    tokens: ThreadPool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No code that holds the lock can leave the queue half changed.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<K: Copy + Eq + Hash + Send + 'static> FairPool<K> {
    /// Starts the threads; each runs `setup` first.
    ///
    /// # Errors
    /// When the system cannot start another thread.
    pub(crate) fn start(settings: FairPoolSettings<'_>, setup: fn()) -> io::Result<Self> {
        let FairPoolSettings { name, threads, lanes, max_queue_wait, initial_estimate } = settings;
        let (capacity, threads) = (lanes.iter().sum(), threads.max(1));
        Ok(Self {
            name,
            max_queue_wait,
            admission: Arc::new(AdmissionControl::new(threads, max_queue_wait, initial_estimate)),
            queue: Arc::new(Mutex::new(FairQueue::new(lanes))),
            tokens: ThreadPool::start(
                name,
                Worker::new(name)?,
                PoolSize::of_one_class(threads, capacity),
                JobLimits::unlimited(max_queue_wait),
                setup,
            )?,
        })
    }

    /// Whether a job that is queued now would find room and start in time.
    pub(crate) fn admits(&self, place: Place<K>) -> bool {
        let ahead = lock(&self.queue).ahead_of(place.lane, place.flow);
        ahead.is_some_and(|ahead| self.admission.admits(ahead))
    }

    /// Runs `job` on one of the threads when it is its turn, and waits for its result.
    ///
    /// # Errors
    /// See [`JobError`].
    pub(crate) async fn run<T, F>(&self, place: Place<K>, job: F) -> Result<T, JobError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        if !self.admits(place) {
            return Err(JobError::QueueFull(self.name));
        }
        let admission = Arc::clone(&self.admission);
        let (job, ticket) = cancellable(move || {
            let begun = Instant::now();
            let done = job();
            admission.record(begun.elapsed());
            done
        });
        let queued = lock(&self.queue).push(place.lane, place.flow, job);
        match queued {
            Queued::Full => return Err(JobError::QueueFull(self.name)),
            // Its caller learns that from the drop; its token serves the new job.
            Queued::InsteadOf(given_up) => drop(given_up),
            Queued::Waits => self.spend_token(),
        }
        // Checking a password ends by itself.
        ticket.wait(self.name, JobLimits::unlimited(self.max_queue_wait), || StallPlace::Nowhere).await
    }

    fn spend_token(&self) {
        let queue = Arc::clone(&self.queue);
        let run_next = move || {
            let job = lock(&queue).pop();
            if let Some(job) = job {
                job();
            }
        };
        // There is room: never more tokens wait than jobs.
        let queued = self.tokens.try_spawn(JobClass::Read, run_next);
        debug_assert!(queued, "a job has no token");
    }

    /// Jobs that wait for a thread.
    #[cfg(test)]
    pub(crate) fn queue_len(&self) -> usize {
        self.tokens.queue_len()
    }

    /// Metrics of the queue and of the threads.
    ///
    /// # Errors
    /// When a metric's name is invalid.
    pub(crate) fn collectors(&self) -> io::Result<Collectors> {
        self.tokens.collectors()
    }
}
