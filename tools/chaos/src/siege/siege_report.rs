//! What a siege showed, as tables, and whether the honest people noticed it.

use std::fmt::Write as _;

use super::attacks::Outcomes;
use super::latencies::{CallKind, Latencies, Phase};
use super::shared::SiegePlan;

/// The results of a siege.
pub(crate) struct SiegeReport {
    pub(super) seed: u64,
    pub(super) plan: SiegePlan,
    pub(super) people: u64,
    pub(super) latencies: Latencies,
    pub(super) outcomes: Outcomes,
}

impl SiegeReport {
    /// The most that the 99th percentile may grow.
    const MAX_RATIO: f64 = 3.0;
    /// Below this many milliseconds a percentile is the machine's noise.
    const NOISE_MS: f64 = 10.0;
    /// Beside the enemy, a percentile up to this many milliseconds is no finding.
    const UNNOTICED_MS: f64 = 25.0;
    /// Fewer calls have no 99th percentile.
    const ENOUGH_CALLS: usize = 100;

    fn ratio(&self, kind: CallKind) -> f64 {
        let p99 = |phase| self.latencies.percentile(phase, kind, 99).max(Self::NOISE_MS);
        p99(Phase::Hostile) / p99(Phase::Quiet)
    }

    /// What is wrong, a line each.
    pub(crate) fn findings(&self) -> Vec<String> {
        let mut findings: Vec<String> = (self.latencies.failures.iter())
            .map(|((phase, kind, why), count)| {
                format!("honest people's calls failed: {} ({phase:?}): {count} times {why}", kind.name())
            })
            .collect();
        for (attack, outcomes) in &self.outcomes {
            for (outcome, count) in outcomes.iter().filter(|(outcome, _)| outcome.starts_with("500")) {
                findings.push(format!("the enemy got a server error: {attack}: {count} times {outcome}"));
            }
        }
        findings.extend(CallKind::ALL.into_iter().filter_map(|kind| self.slowed_down(kind)));
        findings
    }

    /// What is wrong with the 99th percentile of a kind. A short run has too few calls to tell.
    fn slowed_down(&self, kind: CallKind) -> Option<String> {
        let both = [Phase::Quiet, Phase::Hostile];
        let enough = both.iter().all(|phase| self.latencies.count(*phase, kind) >= Self::ENOUGH_CALLS);
        let (ratio, ms) = (self.ratio(kind), self.latencies.percentile(Phase::Hostile, kind, 99));
        let noticed = ratio > Self::MAX_RATIO && ms > Self::UNNOTICED_MS;
        (self.plan.is_long() && enough && noticed)
            .then(|| format!("p99 of {} is {ratio:.1} times its quiet value, {ms:.0} ms", kind.name()))
    }

    pub(crate) fn table(&self) -> String {
        let (seconds, quiet) = (self.plan.hostile.as_secs(), self.plan.quiet.as_secs());
        let mut text = format!(
            "seed {}, {} honest people, {quiet} s alone and {seconds} s beside the enemy\n\n\
             | honest calls | alone | p50, p99 (ms) | beside the enemy | p50, p99 (ms) | p99, times | failed |\n|---|---|---|---|---|---|---|\n",
            self.seed, self.people
        );
        for kind in CallKind::ALL {
            let failed: usize = (self.latencies.failures.iter())
                .filter(|((_, of, _), _)| *of == kind)
                .map(|(_, count)| count)
                .sum();
            let of = |phase| {
                let percentile = |percent| self.latencies.percentile(phase, kind, percent);
                format!(
                    "{} | {:.1}, {:.1}",
                    self.latencies.count(phase, kind),
                    percentile(50),
                    percentile(99)
                )
            };
            let (alone, beside, ratio) = (of(Phase::Quiet), of(Phase::Hostile), self.ratio(kind));
            let _ = writeln!(text, "| {} | {alone} | {beside} | {ratio:.1} | {failed} |", kind.name());
        }
        text.push_str("\n| the enemy tried | outcomes |\n|---|---|\n");
        for (attack, outcomes) in &self.outcomes {
            let shown: Vec<String> =
                outcomes.iter().map(|(outcome, count)| format!("{outcome}: {count}")).collect();
            let _ = writeln!(text, "| {attack} | {} |", shown.join(", "));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// The findings of a run of so many seconds, in which each of 100 sends took so long alone and beside the enemy.
    fn findings(seconds: u64, alone_ms: u64, beside_ms: u64) -> Vec<String> {
        let mut latencies = Latencies::default();
        for _ in 0..100 {
            latencies.note(Phase::Quiet, CallKind::Send, Duration::from_millis(alone_ms), None);
            latencies.note(Phase::Hostile, CallKind::Send, Duration::from_millis(beside_ms), None);
        }
        let (plan, outcomes) = (SiegePlan::lasting(seconds), Outcomes::default());
        SiegeReport { seed: 1, plan, people: 24, latencies, outcomes }.findings()
    }

    #[test]
    fn a_long_run_fails_when_a_percentile_is_three_times_its_quiet_value() {
        assert_eq!(findings(600, 20, 61), ["p99 of send is 3.0 times its quiet value, 61 ms"]);
        for (seconds, alone, beside) in [(600, 20, 60), (600, 1, 25), (600, 1, 30), (12, 20, 900)] {
            assert_eq!(findings(seconds, alone, beside), Vec::<String>::new(), "{alone} {beside}");
        }
        assert_eq!(findings(600, 1, 31).len(), 1, "a quiet value below 10 ms counts as 10 ms");
    }

    #[test]
    fn a_failed_call_and_a_server_error_are_findings_of_any_run() {
        let mut latencies = Latencies::default();
        latencies.note(Phase::Hostile, CallKind::Read, Duration::ZERO, Some("503".to_owned()));
        let outcomes = [("exports", [("500 internal_error".to_owned(), 2)].into())].into();
        let report = SiegeReport { seed: 1, plan: SiegePlan::lasting(12), people: 24, latencies, outcomes };
        assert_eq!(report.findings().len(), 2);
    }
}
