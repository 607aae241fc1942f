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
        let enough = |kind| {
            [Phase::Quiet, Phase::Hostile]
                .iter()
                .all(|phase| self.latencies.count(*phase, kind) >= Self::ENOUGH_CALLS)
        };
        for kind in CallKind::ALL {
            if self.plan.is_long() && enough(kind) && self.ratio(kind) > Self::MAX_RATIO {
                let ratio = self.ratio(kind);
                findings.push(format!("p99 of {} is {ratio:.1} times its quiet value", kind.name()));
            }
        }
        findings
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
