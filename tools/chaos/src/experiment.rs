//! One experiment: users work while a scenario runs, then everything is read back and judged.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::final_state::FinalState;
use crate::history::UserHistory;
use crate::negative_controls;
use crate::report::Report;
use crate::scenario::{Scenario, ScenarioResult};
use crate::simulation::Simulation;
use crate::violation::Violation;
use crate::virtual_user::VirtualUser;

/// Runs a scenario under load and judges what is left.
///
/// # Errors
/// When the experiment itself cannot be carried out.
pub(crate) fn carry_out(
    simulation: &Arc<Simulation>,
    users: usize,
    mut scenario: Box<dyn Scenario>,
) -> anyhow::Result<Report> {
    let begun = Instant::now();
    let threads = start_users(simulation, users)?;
    let made = scenario.run();
    let load = begun.elapsed();
    simulation.over.store(true, Ordering::Relaxed);
    let ended = threads
        .into_iter()
        .map(|thread| thread.join().map_err(|_| anyhow::anyhow!("a user's thread panicked"))?);
    let ended: Vec<VirtualUser> = ended.collect::<anyhow::Result<_>>()?;
    made?;
    let mut records = ended.into_iter().map(VirtualUser::finish).collect::<anyhow::Result<Vec<_>>>()?;
    let mut result = scenario.finish()?;
    records.extend(std::mem::take(&mut result.probes));
    judge(simulation, &records, result, load)
}

fn start_users(
    simulation: &Arc<Simulation>,
    users: usize,
) -> anyhow::Result<Vec<JoinHandle<anyhow::Result<VirtualUser>>>> {
    let begin = |me| {
        let user = VirtualUser::begin(simulation, me)?;
        let thread = std::thread::Builder::new().name(format!("person-{me}"));
        Ok(thread.spawn(move || user.run())?)
    };
    (0..users).map(begin).collect()
}

fn judge(
    simulation: &Simulation,
    records: &[UserHistory],
    result: ScenarioResult,
    load: Duration,
) -> anyhow::Result<Report> {
    let tally = Report::tally_of(records);
    result.demand.check(simulation, tally);
    let mut violations: Vec<Violation> = simulation.violations.take();
    let mut reader = FinalState::new(simulation)?;
    for pair in 0..simulation.pairs.len() {
        violations.extend(reader.check(pair, records)?);
    }
    // A database with violations is kept as it is.
    let controls = violations.is_empty().then(|| controls(simulation, records, &result)).transpose()?;
    let acknowledged = records.iter().map(UserHistory::acknowledged).sum();
    let ScenarioResult { summary, outage, .. } = result;
    let (seed, users) = (simulation.seed, simulation.accounts.len() - 2);
    let slow_calls = records.iter().flat_map(|record| record.slow_calls.iter().copied());
    let slow_calls =
        slow_calls.chain(outage.iter().flat_map(|outage| outage.slow_reads.iter().copied())).collect();
    Ok(Report { seed, users, load, summary, tally, acknowledged, violations, outage, slow_calls, controls })
}

/// How many negative controls were noticed, and how many there were.
fn controls(
    simulation: &Simulation,
    records: &[UserHistory],
    result: &ScenarioResult,
) -> anyhow::Result<(usize, usize)> {
    let (mut noticed, mut made) = negative_controls::run(simulation, &*result.test_bed, records)?;
    if let Some(trapped) = result.trapped {
        noticed += usize::from(trapped);
        made += 1;
    }
    Ok((noticed, made))
}
