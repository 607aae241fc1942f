//! Counts and latencies of the offered requests.

use std::ops::Range;
use std::time::{Duration, Instant};

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequestResult {
    /// A 200.
    Succeeded,
    /// A 429 or 503.
    Refused,
    /// Any other response, or none.
    Failed,
}

/// Counts the requests offered and answered within a time window.
#[derive(Default)]
pub(crate) struct LoadStats {
    window: Option<Range<Instant>>,
    pending: usize,
    offered: usize,
    done: Vec<Duration>,
    refused: Vec<Duration>,
    failed: usize,
}

impl LoadStats {
    /// Sets the window that is counted.
    pub(crate) fn set_window(&mut self, from: Instant, until: Instant) {
        self.window = Some(from..until);
    }

    fn is_counted(&self, moment: Instant) -> bool {
        self.window.as_ref().is_some_and(|window| window.contains(&moment))
    }

    pub(crate) fn record_offer(&mut self, due: Instant) {
        self.pending += 1;
        self.offered += usize::from(self.is_counted(due));
    }

    /// Records a result, given when the request was due and when it was sent. Failures count outside the window too.
    pub(crate) fn record_result(&mut self, result: RequestResult, due: Instant, sent: Instant) {
        self.pending -= 1;
        let now = Instant::now();
        let counted = self.is_counted(now);
        match result {
            RequestResult::Succeeded if counted => self.done.push(now - due),
            RequestResult::Refused if counted => self.refused.push(now - sent),
            RequestResult::Failed => self.failed += 1,
            RequestResult::Succeeded | RequestResult::Refused => {}
        }
    }

    pub(crate) const fn has_pending(&self) -> bool {
        self.pending > 0
    }

    /// The line that is printed. Requests without a response count as failed.
    #[expect(clippy::cast_precision_loss, reason = "counts of some seconds")]
    pub(crate) fn line(&mut self) -> String {
        let seconds = self.window.as_ref().map_or(1.0, |window| (window.end - window.start).as_secs_f64());
        let rate = |count: usize| count as f64 / seconds;
        let (done, refused) = (percentiles(&mut self.done), percentiles(&mut self.refused));
        format!(
            "{:.1} {:.1} {:.3} {:.3} {:.1} {:.3} {:.3} {}",
            rate(self.offered),
            rate(self.done.len()),
            done.0,
            done.1,
            rate(self.refused.len()),
            refused.0,
            refused.1,
            self.failed + self.pending,
        )
    }
}

/// The median and the 99th percentile in ms; zeros if `times` is empty.
pub(crate) fn percentiles(times: &mut [Duration]) -> (f64, f64) {
    times.sort_unstable();
    let at = |percent: usize| {
        times
            .get((times.len() * percent / 100).min(times.len().saturating_sub(1)))
            .map_or(0.0, |time| time.as_secs_f64() * 1000.0)
    };
    (at(50), at(99))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_results_in_the_window_count_but_all_failures_do() {
        let now = Instant::now();
        let hour = Duration::from_secs(3600);
        let (mut during, mut before) = (LoadStats::default(), LoadStats::default());
        during.set_window(now, now + hour);
        before.set_window(now + hour, now + 2 * hour);
        for stats in [&mut during, &mut before] {
            for result in [
                RequestResult::Succeeded,
                RequestResult::Succeeded,
                RequestResult::Refused,
                RequestResult::Failed,
            ] {
                stats.record_offer(now);
                stats.record_result(result, now, now);
            }
            assert!(!stats.has_pending());
            stats.record_offer(now);
        }
        let counts = |stats: &LoadStats| {
            (stats.offered, stats.done.len(), stats.refused.len(), stats.failed + stats.pending)
        };
        assert_eq!(counts(&during), (5, 2, 1, 2));
        assert_eq!(counts(&before), (0, 0, 0, 2));
    }

    #[test]
    fn percentiles_are_taken_from_the_samples() {
        let mut times: Vec<_> = (1..=200).rev().map(Duration::from_millis).collect();
        assert_eq!(percentiles(&mut times), (101.0, 199.0));
        assert_eq!(percentiles(&mut [Duration::from_millis(7)]), (7.0, 7.0));
        assert_eq!(percentiles(&mut []), (0.0, 0.0));
    }
}
