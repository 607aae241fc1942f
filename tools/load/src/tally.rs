//! What became of what was offered.

use std::ops::Range;
use std::time::{Duration, Instant};

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// With 200.
    Done,
    /// With 429 or 503.
    Refused,
    /// With any other answer, or none.
    Failed,
}

/// Counts what was offered and answered within a stretch of time.
#[derive(Default)]
pub(crate) struct Tally {
    stretch: Option<Range<Instant>>,
    waiting: usize,
    offered: usize,
    done: Vec<Duration>,
    refused: Vec<Duration>,
    failed: usize,
}

impl Tally {
    /// Sets the stretch that is counted.
    pub(crate) fn count(&mut self, from: Instant, until: Instant) {
        self.stretch = Some(from..until);
    }

    fn counts(&self, moment: Instant) -> bool {
        self.stretch.as_ref().is_some_and(|stretch| stretch.contains(&moment))
    }

    pub(crate) fn offered(&mut self, due: Instant) {
        self.waiting += 1;
        self.offered += usize::from(self.counts(due));
    }

    /// Notes an ending of what was due at one moment and sent at another. Failures count whenever they are.
    pub(crate) fn ended(&mut self, ending: Ending, due: Instant, sent: Instant) {
        self.waiting -= 1;
        let now = Instant::now();
        let counted = self.counts(now);
        match ending {
            Ending::Done if counted => self.done.push(now - due),
            Ending::Refused if counted => self.refused.push(now - sent),
            Ending::Failed => self.failed += 1,
            Ending::Done | Ending::Refused => {}
        }
    }

    pub(crate) const fn is_waiting(&self) -> bool {
        self.waiting > 0
    }

    /// The line for the script that asked. What has no answer yet has failed.
    #[allow(clippy::cast_precision_loss, reason = "counts of some seconds")]
    pub(crate) fn line(&mut self) -> String {
        let seconds =
            self.stretch.as_ref().map_or(1.0, |stretch| (stretch.end - stretch.start).as_secs_f64());
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
            self.failed + self.waiting,
        )
    }
}

/// The median and the 99th percentile, in ms; zeros of nothing.
fn percentiles(times: &mut [Duration]) -> (f64, f64) {
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
    fn only_what_ends_within_the_stretch_is_counted_and_failures_always() {
        let now = Instant::now();
        let hour = Duration::from_secs(3600);
        let (mut during, mut before) = (Tally::default(), Tally::default());
        during.count(now, now + hour);
        before.count(now + hour, now + 2 * hour);
        for tally in [&mut during, &mut before] {
            for ending in [Ending::Done, Ending::Done, Ending::Refused, Ending::Failed] {
                tally.offered(now);
                tally.ended(ending, now, now);
            }
            assert!(!tally.is_waiting());
            tally.offered(now);
        }
        let counts = |tally: &Tally| {
            (tally.offered, tally.done.len(), tally.refused.len(), tally.failed + tally.waiting)
        };
        assert_eq!(counts(&during), (5, 2, 1, 2));
        assert_eq!(counts(&before), (0, 0, 0, 2));
    }

    #[test]
    fn percentiles_are_of_those_that_there_are() {
        let mut times: Vec<_> = (1..=200).rev().map(Duration::from_millis).collect();
        assert_eq!(percentiles(&mut times), (101.0, 199.0));
        assert_eq!(percentiles(&mut [Duration::from_millis(7)]), (7.0, 7.0));
        assert_eq!(percentiles(&mut []), (0.0, 0.0));
    }
}
