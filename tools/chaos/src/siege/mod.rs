//! Siege: one hostile account and one hostile address beside honest people, who must not notice.
//!
//! [`people`] make a few calls a second each, first alone and then beside the [`enemy`], in the same run. None of their calls may fail,
//! the server may answer nobody with a 500, and in a long run the 99th percentile of each kind of call stays under three
//! times its quiet value. The server runs with its default quotas and sees the callers' addresses through a trusted proxy's
//! header, because loopback addresses distinguish no clients.

mod caller;
mod enemy;
mod latencies;
mod people;
mod raw;
mod siege_report;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use enemy::{Enemy, Outcomes};
use latencies::{Latencies, Phase};
use people::HonestPerson;
pub(crate) use siege_report::SiegeReport;

use crate::server_process::LaunchEnvironment;
use crate::test_bed::{DATABASE, TestBed};

/// What all threads of a siege share.
struct Siege {
    seed: u64,
    enemy: Enemy,
    begun: Instant,
    plan: SiegePlan,
    honest_ended: AtomicU64,
}

/// How long the phases last.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SiegePlan {
    quiet: Duration,
    hostile: Duration,
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

    fn is_long(self) -> bool {
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
    fn phase(&self) -> Phase {
        self.plan.phase_at(self.begun.elapsed())
    }
}

/// Honest people; an even number, because they are friends in pairs.
const PEOPLE: u64 = 24;

/// The default quotas, addresses from the header, and passwords that cost what they cost in reality.
fn environment() -> LaunchEnvironment {
    let settings = [
        ("HONGYAN_TRUSTED_PROXIES", "127.0.0.0/8"),
        ("HONGYAN_BCRYPT_COST", "10"),
        // The honest people register within a minute from addresses of their own.
        ("HONGYAN_QUOTA_REGISTRATIONS_PER_HOUR", "20"),
    ];
    LaunchEnvironment { settings: settings.to_vec(), has_quotas: true }
}

/// Runs a siege in an empty folder.
///
/// # Errors
/// When the run itself cannot be executed.
pub(crate) fn run(seed: u64, plan: SiegePlan, folder: &Path, server: PathBuf) -> anyhow::Result<SiegeReport> {
    let test_bed = TestBed::start(folder, server, None, environment())?;
    let base = test_bed.fleet.choose(0).base;
    let mut people = (0..PEOPLE)
        .map(|number| HonestPerson::register(&base, number))
        .collect::<anyhow::Result<Vec<_>>>()?;
    for pair in people.chunks_mut(2) {
        let [one, other] = pair else { anyhow::bail!("people come in pairs") };
        one.befriend(other)?;
    }
    let enemy = Enemy::prepare(&base, &people)?;
    test_bed.cluster.execute_sql(DATABASE, &enemy.long_history())?;
    let (begun, honest_ended) = (Instant::now(), AtomicU64::new(0));
    let siege = Arc::new(Siege { seed, enemy, begun, plan, honest_ended });
    let living = start_people(&siege, people)?;
    while siege.phase() < Phase::Hostile {
        std::thread::sleep(Duration::from_millis(10));
    }
    let outcomes = enemy::attack(&siege)?;
    let mut latencies = Latencies::default();
    for thread in living {
        latencies.add(thread.join().map_err(|_| anyhow::anyhow!("an honest person's thread panicked"))?);
    }
    Ok(SiegeReport { seed, plan, people: siege.honest_ended.load(Ordering::Relaxed), latencies, outcomes })
}

fn start_people(siege: &Arc<Siege>, people: Vec<HonestPerson>) -> anyhow::Result<Vec<JoinHandle<Latencies>>> {
    let live = |person: HonestPerson| {
        let siege = Arc::clone(siege);
        Ok(std::thread::Builder::new().spawn(move || person.live(&siege))?)
    };
    people.into_iter().map(live).collect()
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
