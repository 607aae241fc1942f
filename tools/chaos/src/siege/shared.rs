//! What all threads of a siege share: its plan and the enemy.

use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use super::enemy::Enemy;
use super::latencies::Phase;

/// What all threads of a siege share.
pub(super) struct Siege {
    pub(super) seed: u64,
    pub(super) enemy: Enemy,
    pub(super) begun: Instant,
    pub(super) plan: SiegePlan,
    pub(super) honest_ended: AtomicU64,
}

/// How long the phases last.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SiegePlan {
    pub(super) quiet: Duration,
    pub(super) hostile: Duration,
}

impl SiegePlan {
    const WARM_UP: Duration = Duration::from_secs(1);
    /// Only a run of this length has enough calls for percentiles.
    const LONG: Duration = Duration::from_secs(60);

    /// Divides a duration: a quarter is quiet.
    pub(crate) fn lasting(seconds: u64) -> Self {
        let quiet = Duration::from_secs(seconds) / 4;
        Self { quiet, hostile: Duration::from_secs(seconds).saturating_sub(quiet) }
    }

    pub(super) fn is_long(self) -> bool {
        self.quiet + self.hostile >= Self::LONG
    }

    fn phase_at(self, elapsed: Duration) -> Phase {
        let ends = [Self::WARM_UP, Self::WARM_UP + self.quiet, Self::WARM_UP + self.quiet + self.hostile];
        match ends.iter().filter(|end| elapsed >= **end).count() {
            0 => Phase::WarmUp,
            1 => Phase::Quiet,
            2 => Phase::Hostile,
            _ => Phase::Over,
        }
    }
}

impl Siege {
    pub(super) fn phase(&self) -> Phase {
        self.plan.phase_at(self.begun.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_of_a_siege_is_quiet() {
        let plan = SiegePlan::lasting(12);
        for (seconds, phase) in [
            (0, Phase::WarmUp),
            (1, Phase::Quiet),
            (3, Phase::Quiet),
            (4, Phase::Hostile),
            (12, Phase::Hostile),
            (13, Phase::Over),
        ] {
            assert_eq!(plan.phase_at(Duration::from_secs(seconds)), phase, "{seconds}");
        }
        assert!(!plan.is_long() && SiegePlan::lasting(600).is_long());
    }
}
