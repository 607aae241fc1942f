//! How long whoever comes now will wait for a thread, judged by how long the last jobs took.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Keeps a queue no longer than what is served within a patience.
///
/// A queue that is longer serves nobody: each waits in it for as long as anybody waits, is sent away just before its turn, and
/// all the next are as late. So whoever would wait longer is sent away when he comes. The wait is guessed as the number
/// of those who wait, and one more for the job under way, times what a job takes, shared by the threads.
///
/// What a job takes is a mean that forgets: an eighth of each new measurement goes into it. On a machine that is busy with
/// other things jobs take longer, and the queue becomes shorter by itself.
pub(crate) struct Pace {
    threads: u64,
    patience: Duration,
    /// What a job takes, in microseconds.
    mean: AtomicU64,
}

impl Pace {
    /// The pace of so many threads, whose jobs take about `job` at first.
    pub(crate) fn new(threads: usize, patience: Duration, job: Duration) -> Self {
        let threads = u64::try_from(threads).unwrap_or(u64::MAX).max(1);
        Self { threads, patience, mean: AtomicU64::new(micros(job)) }
    }

    /// Learns how long a job took. Of two that end at the same moment one may be forgotten, which does no harm.
    pub(crate) fn note(&self, took: Duration) {
        let mean = self.mean.load(Ordering::Relaxed);
        let next = mean - mean / 8 + micros(took) / 8;
        self.mean.store(next.max(1), Ordering::Relaxed);
    }

    /// How long somebody waits who comes when so many wait already.
    fn wait_behind(&self, waiting: usize) -> Duration {
        let jobs = u64::try_from(waiting).unwrap_or(u64::MAX).saturating_add(1);
        Duration::from_micros(self.mean.load(Ordering::Relaxed).saturating_mul(jobs) / self.threads)
    }

    /// Whether somebody who comes when so many wait already will be served in time. Whoever finds nobody waiting is taken
    /// whatever the guess, or one job that took too long would be the last.
    pub(crate) fn admits(&self, waiting: usize) -> bool {
        waiting == 0 || self.wait_behind(waiting) <= self.patience
    }
}

/// Whole microseconds; what a job takes fits by far.
fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX / 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);

    fn pace(threads: usize, job_ms: u64) -> Pace {
        Pace::new(threads, PATIENCE, Duration::from_millis(job_ms))
    }

    /// How many may wait before one more is sent away.
    fn room(pace: &Pace) -> usize {
        (0..).find(|waiting| !pace.admits(*waiting)).unwrap()
    }

    #[test]
    fn no_more_wait_than_are_served_within_the_patience() {
        for (threads, job_ms, expected) in
            [(1, 250, 20), (3, 250, 60), (1, 50, 100), (1, 1000, 5), (0, 1000, 5)]
        {
            assert_eq!(room(&pace(threads, job_ms)), expected, "{threads} threads, {job_ms} ms");
        }
    }

    #[test]
    fn the_queue_becomes_shorter_when_jobs_take_longer_and_longer_again_when_they_do_not() {
        let pace = pace(1, 240);
        for _ in 0..100 {
            pace.note(Duration::from_millis(1000));
        }
        assert_eq!(room(&pace), 5);
        for _ in 0..100 {
            pace.note(Duration::from_millis(240));
        }
        assert_eq!(room(&pace), 20);
    }

    #[test]
    fn one_job_that_took_long_changes_little() {
        let pace = pace(1, 240);
        pace.note(Duration::from_millis(480));
        assert_eq!(room(&pace), 18);
    }

    #[test]
    fn whoever_finds_nobody_waiting_is_taken_however_slow_it_was() {
        let pace = pace(1, 240);
        pace.note(Duration::MAX);
        assert!(pace.admits(0));
        assert!(!pace.admits(1));
        for _ in 0..500 {
            pace.note(Duration::from_millis(240));
        }
        assert_eq!(room(&pace), 20);
    }
}
