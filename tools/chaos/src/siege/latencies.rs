//! How long honest calls took, by phase and kind, and what failed.

use std::collections::BTreeMap;
use std::time::Duration;

/// A phase of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// Caches fill; nothing is counted.
    WarmUp,
    /// Honest people alone.
    Quiet,
    /// Honest people beside the enemy.
    Hostile,
    /// The run ends.
    Over,
}

/// A kind of honest call. Kinds are compared with themselves only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum CallKind {
    Send,
    Read,
    Search,
    Login,
    Export,
}

impl CallKind {
    pub(super) const ALL: [Self; 5] = [Self::Send, Self::Read, Self::Search, Self::Login, Self::Export];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Read => "list, page, look-up, read mark",
            Self::Search => "search",
            Self::Login => "login",
            Self::Export => "export",
        }
    }
}

/// Durations and failures.
#[derive(Debug, Default)]
pub(super) struct Latencies {
    durations: BTreeMap<(Phase, CallKind), Vec<Duration>>,
    pub(super) failures: BTreeMap<(Phase, CallKind, String), usize>,
}

impl Latencies {
    pub(super) fn note(&mut self, phase: Phase, kind: CallKind, took: Duration, failure: Option<String>) {
        if let Some(failure) = failure {
            *self.failures.entry((phase, kind, failure)).or_default() += 1;
        } else {
            self.durations.entry((phase, kind)).or_default().push(took);
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        for (key, durations) in other.durations {
            self.durations.entry(key).or_default().extend(durations);
        }
        for (key, count) in other.failures {
            *self.failures.entry(key).or_default() += count;
        }
    }

    pub(super) fn count(&self, phase: Phase, kind: CallKind) -> usize {
        self.durations.get(&(phase, kind)).map_or(0, Vec::len)
    }

    /// A percentile in milliseconds; zero without calls.
    pub(super) fn percentile(&self, phase: Phase, kind: CallKind, percent: usize) -> f64 {
        let mut sorted = self.durations.get(&(phase, kind)).cloned().unwrap_or_default();
        sorted.sort_unstable();
        let place = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
        sorted.get(place).map_or(0.0, |took| took.as_secs_f64() * 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_and_failures_are_kept_by_phase_and_kind() {
        let mut latencies = Latencies::default();
        for ms in 1..=200 {
            latencies.note(Phase::Quiet, CallKind::Send, Duration::from_millis(ms), None);
        }
        latencies.note(Phase::Hostile, CallKind::Send, Duration::ZERO, Some("503".to_owned()));
        let mut sum = Latencies::default();
        sum.add(latencies);
        let shown = |phase, kind, percent| format!("{:.0}", sum.percentile(phase, kind, percent));
        assert_eq!(shown(Phase::Quiet, CallKind::Send, 99), "199");
        assert_eq!(shown(Phase::Quiet, CallKind::Send, 50), "101");
        assert_eq!((sum.count(Phase::Hostile, CallKind::Send), sum.failures.len()), (0, 1));
        assert_eq!(shown(Phase::Hostile, CallKind::Read, 99), "0");
    }
}
