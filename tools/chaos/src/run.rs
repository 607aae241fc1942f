//! One run, from the set-up to the report.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::arguments::ChaosArguments;
use crate::final_state::FinalState;
use crate::history::UserHistory;
use crate::load_balancer::LoadBalancer;
use crate::negative_controls;
use crate::nemesis::{Nemesis, StopCondition};
use crate::report::Report;
use crate::rolling_restart::RollingRestart;
use crate::scenario::Scenario;
use crate::seeded_random::SeededRandom;
use crate::server_process::LaunchEnvironment;
use crate::siege::{self, SiegePlan};
use crate::simulation::Simulation;
use crate::test_bed::TestBed;
use crate::violation::{ViolatedRule, Violation};
use crate::virtual_user::VirtualUser;

/// Further violations are only counted.
const MAX_PRINTED: usize = 20;

/// Executes a run and prints its report. True if nothing was wrong.
///
/// # Errors
/// When the run itself cannot be executed.
pub(crate) fn run(arguments: &ChaosArguments) -> anyhow::Result<bool> {
    let seed = arguments.seed.unwrap_or_else(|| u64::from(std::process::id()) ^ fresh());
    let folder = folder(arguments.folder.as_deref())?;
    print(&format!("seed {seed}, in {}\n", folder.display()))?;
    if let Some(seconds) = arguments.siege {
        return besiege(SiegePlan::lasting(seconds), seed, &folder, program(arguments)?);
    }
    let report = execute(arguments, seed, &folder)?;
    print(&format!("\n{}", report.table()))?;
    for violation in report.violations.iter().take(MAX_PRINTED) {
        print(&format!("{violation}\n"))?;
    }
    if report.is_clean() {
        std::fs::remove_dir_all(&folder).context("the folder cannot be removed")?;
    } else {
        print(&format!("everything is kept in {}\n", folder.display()))?;
    }
    Ok(report.is_clean())
}

/// Runs a siege and prints its report. True if the honest people did not notice it.
fn besiege(plan: SiegePlan, seed: u64, folder: &Path, server: PathBuf) -> anyhow::Result<bool> {
    let report = siege::run(seed, plan, folder, server)?;
    print(&format!("\n{}", report.table()))?;
    let findings = report.findings();
    for finding in findings.iter().take(MAX_PRINTED) {
        print(&format!("{finding}\n"))?;
    }
    if findings.is_empty() {
        std::fs::remove_dir_all(folder).context("the folder cannot be removed")?;
    } else {
        print(&format!("everything is kept in {}\n", folder.display()))?;
    }
    Ok(findings.is_empty())
}

/// The server's executable.
fn program(arguments: &ChaosArguments) -> anyhow::Result<PathBuf> {
    match &arguments.server {
        Some(path) => Ok(path.clone()),
        None => Ok(std::env::current_exe()?.with_file_name("hongyan")),
    }
}

fn execute(arguments: &ChaosArguments, seed: u64, folder: &Path) -> anyhow::Result<Report> {
    let load_balancer = arguments.rolling.map(|_| LoadBalancer::start(folder)).transpose()?;
    let test_bed =
        TestBed::start(folder, program(arguments)?, load_balancer.as_ref(), LaunchEnvironment::default())?;
    let users = usize::from(arguments.users);
    let simulation = Arc::new(Simulation::make(seed, users, Arc::clone(&test_bed.fleet), folder.to_owned())?);
    let mut scenario: Box<dyn Scenario> = match (arguments.rolling, load_balancer) {
        (Some(times), Some(load_balancer)) => {
            Box::new(RollingRestart::new(&simulation, test_bed, load_balancer, times))
        }
        _ => Box::new(Nemesis::new(&simulation, test_bed, goals(arguments))?),
    };
    let begun = Instant::now();
    let threads = start_users(&simulation, users)?;
    let made = scenario.run();
    let load = begun.elapsed();
    simulation.over.store(true, Ordering::Relaxed);
    let ended = threads
        .into_iter()
        .map(|thread| thread.join().map_err(|_| anyhow::anyhow!("a user's thread panicked"))?);
    let ended: Vec<VirtualUser> = ended.collect::<anyhow::Result<_>>()?;
    made?;
    let mut records = ended.into_iter().map(VirtualUser::finish).collect::<anyhow::Result<Vec<_>>>()?;
    let result = scenario.finish()?;
    records.extend(result.probes);
    if arguments.rolling.is_some() {
        check_all_answered(&simulation, &records);
    }
    print("load stopped; reading everything back\n")?;
    let load = LoadSummary { seed, users, duration: load, lines: result.summary };
    judge(&simulation, &result.test_bed, &records, load)
}

fn goals(arguments: &ChaosArguments) -> StopCondition {
    let duration = Duration::from_secs(arguments.seconds);
    StopCondition { duration, kills: arguments.kills, messages: arguments.messages }
}

/// Where nothing is broken, every call must be answered.
fn check_all_answered(simulation: &Simulation, records: &[UserHistory]) {
    let unknown = Report::tally_of(records).unknown;
    if unknown > 0 {
        let detail = format!("{unknown} calls; look for \"unknown\" in the journals");
        simulation.violations.add(ViolatedRule::Unanswered, detail);
    }
}

/// What the report says of the load.
struct LoadSummary {
    seed: u64,
    users: usize,
    duration: Duration,
    lines: Vec<(String, String)>,
}

fn judge(
    simulation: &Simulation,
    test_bed: &TestBed,
    records: &[UserHistory],
    load: LoadSummary,
) -> anyhow::Result<Report> {
    let mut violations: Vec<Violation> = simulation.violations.take();
    let mut reader = FinalState::new(simulation)?;
    for pair in 0..simulation.pairs.len() {
        violations.extend(reader.check(pair, records)?);
    }
    // A database with violations is kept as it is.
    let controls = violations
        .is_empty()
        .then(|| negative_controls::run(simulation, &test_bed.cluster, records))
        .transpose()?;
    let acknowledged = records.iter().map(UserHistory::acknowledged).sum();
    let tally = Report::tally_of(records);
    let LoadSummary { seed, users, duration: load, lines: summary } = load;
    Ok(Report { seed, users, load, summary, tally, acknowledged, violations, controls })
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

/// A random seed.
fn fresh() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    SeededRandom::stream(RandomState::new().hash_one(0), 0).next() >> 32
}

fn folder(wanted: Option<&Path>) -> anyhow::Result<PathBuf> {
    let default = || std::env::temp_dir().join(format!("hongyan-crash-{}", std::process::id()));
    let folder = wanted.map_or_else(default, Path::to_owned);
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let empty = folder.read_dir()?.next().is_none();
    anyhow::ensure!(empty, "{} is not empty", folder.display());
    Ok(folder.canonicalize()?)
}

fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}
