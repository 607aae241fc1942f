//! Load shedding: refuses a job on arrival when the queue in front of a thread pool is too long to be served in time.
//!
//! A bounded queue alone is not enough. When more jobs wait than the threads can start within the longest wait that callers
//! accept, every job times out just before its turn, and all that follow are as late: the pool is busy and serves nothing.
//! [`AdmissionControl`] estimates the wait of a new job from the length of the queue and the recent job durations, and
//! refuses the job at once when that exceeds the limit.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use domain::number::saturating;

/// Admits a job only if it is expected to start within the longest acceptable wait.
///
/// The expected wait is (queued jobs + 1 for the running one) × mean job duration ÷ threads. The mean is an exponentially
/// weighted moving average: each measurement counts one eighth. When the machine is busy with other work, jobs take
/// longer and the admitted queue shrinks by itself.
pub(crate) struct AdmissionControl {
    threads: u64,
    max_wait: Duration,
    /// Mean duration of a job, in microseconds.
    mean: AtomicU64,
}

impl AdmissionControl {
    /// Guards a pool of `threads` threads; `initial_estimate` stands for the job duration until jobs are measured.
    pub(crate) fn new(threads: usize, max_wait: Duration, initial_estimate: Duration) -> Self {
        let threads = saturating::<u64, _>(threads).max(1);
        Self { threads, max_wait, mean: AtomicU64::new(micros(initial_estimate)) }
    }

    /// Adds a measured job duration to the mean. Of two concurrent measurements one may be lost, which is harmless.
    pub(crate) fn record(&self, took: Duration) {
        let mean = self.mean.load(Ordering::Relaxed);
        let next = mean - mean / 8 + micros(took) / 8;
        self.mean.store(next.max(1), Ordering::Relaxed);
    }

    /// Expected wait of a job that arrives while `queued` jobs wait.
    fn expected_wait(&self, queued: usize) -> Duration {
        let jobs = saturating::<u64, _>(queued).saturating_add(1);
        Duration::from_micros(self.mean.load(Ordering::Relaxed).saturating_mul(jobs) / self.threads)
    }

    /// Whether a job that arrives while `queued` jobs wait is admitted.
    ///
    /// A job that finds the queue empty is always admitted. Otherwise one very slow job would raise the mean above the limit
    /// for good, because no later job would run to lower it.
    pub(crate) fn admits(&self, queued: usize) -> bool {
        queued == 0 || self.expected_wait(queued) <= self.max_wait
    }
}

/// Whole microseconds, at most `u64::MAX` / 8, so that the mean cannot overflow.
fn micros(time: Duration) -> u64 {
    saturating::<u64, _>(time.as_micros()).min(u64::MAX / 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX_WAIT: Duration = Duration::from_secs(5);

    fn admission(threads: usize, job_ms: u64) -> AdmissionControl {
        AdmissionControl::new(threads, MAX_WAIT, Duration::from_millis(job_ms))
    }

    /// The shortest queue at which a job is refused.
    fn capacity(admission: &AdmissionControl) -> usize {
        (0..1000).find(|queued| !admission.admits(*queued)).unwrap()
    }

    #[test]
    fn the_queue_holds_no_more_than_is_served_within_the_limit() {
        for (threads, job_ms, expected) in
            [(1, 250, 20), (3, 250, 60), (1, 50, 100), (1, 1000, 5), (0, 1000, 5)]
        {
            assert_eq!(capacity(&admission(threads, job_ms)), expected, "{threads} threads, {job_ms} ms");
        }
    }

    #[test]
    fn capacity_shrinks_when_jobs_slow_down_and_recovers_after() {
        let admission = admission(1, 240);
        for _ in 0..100 {
            admission.record(Duration::from_millis(1000));
        }
        assert_eq!(capacity(&admission), 5);
        for _ in 0..100 {
            admission.record(Duration::from_millis(240));
        }
        assert_eq!(capacity(&admission), 20);
    }

    #[test]
    fn a_single_slow_job_changes_little() {
        let admission = admission(1, 240);
        admission.record(Duration::from_millis(480));
        assert_eq!(capacity(&admission), 18);
    }

    #[test]
    fn an_empty_queue_admits_a_job_however_slow_the_last_one_was() {
        let admission = admission(1, 240);
        admission.record(Duration::MAX);
        assert!(admission.admits(0));
        assert!(!admission.admits(1));
        for _ in 0..500 {
            admission.record(Duration::from_millis(240));
        }
        assert_eq!(capacity(&admission), 20);
    }
}
