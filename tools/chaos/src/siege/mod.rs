//! Siege: one hostile account and one hostile address beside honest people, who must not notice.
//!
//! [`people`] make a few calls a second each, first alone and then beside the [`enemy`], in the same run. None of their calls may fail,
//! the server may answer no call with a 500, and in a long run the 99th percentile of each kind of call stays under three
//! times its quiet value. The server runs with its default quotas and sees the callers' addresses through a trusted proxy's
//! header, because loopback addresses distinguish no clients.

mod attacks;
mod caller;
mod enemy;
mod latencies;
mod people;
mod raw;
mod shared;
mod siege_report;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use enemy::{Enemy, Victim};
use latencies::{Latencies, Phase};
use people::HonestPerson;
use shared::Siege;
pub(crate) use shared::SiegePlan;
pub(crate) use siege_report::SiegeReport;

use crate::server_process::LaunchEnvironment;
use crate::test_bed::{DATABASE, Surroundings, TestBed};

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
    LaunchEnvironment {
        settings: settings.map(|(name, value)| (name, value.to_owned())).to_vec(),
        has_quotas: true,
    }
}

/// Runs a siege in an empty folder.
///
/// # Errors
/// When the run itself cannot be executed.
pub(crate) fn run(seed: u64, plan: SiegePlan, folder: &Path, server: PathBuf) -> anyhow::Result<SiegeReport> {
    let test_bed = TestBed::start(
        folder,
        server,
        Surroundings { environment: environment(), ..Surroundings::default() },
    )?;
    let base = test_bed.servers.fleet.choose(0).base;
    let mut people = (0..PEOPLE)
        .map(|number| HonestPerson::register(&base, number))
        .collect::<anyhow::Result<Vec<_>>>()?;
    for pair in people.chunks_mut(2) {
        let [one, other] = pair else { anyhow::bail!("people come in pairs") };
        one.befriend(other)?;
    }
    let victim = |person: &HonestPerson| Victim { uid: person.uid.clone(), id: person.id.clone() };
    let enemy = Enemy::prepare(&base, people.iter().map(victim).collect())?;
    test_bed.cluster.execute_sql(DATABASE, &enemy.long_history())?;
    let (begun, honest_ended) = (Instant::now(), AtomicU64::new(0));
    let siege = Arc::new(Siege { seed, enemy, begun, plan, honest_ended });
    let living = start_people(&siege, people)?;
    while siege.phase() < Phase::Hostile {
        std::thread::sleep(Duration::from_millis(10));
    }
    let outcomes = attacks::attack(&siege)?;
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
