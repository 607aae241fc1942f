//! One run, from the set-up to the report.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;

use crate::arguments::ChaosArguments;
use crate::devices::{self, DevicePlan};
use crate::experiment;
use crate::fail_over::{self, Disaster, FailOverPlan, FailOverReport};
use crate::load_balancer::LoadBalancer;
use crate::nemesis::{Nemesis, StopCondition};
use crate::report::Report;
use crate::rolling_restart::RollingRestart;
use crate::scenario::Scenario;
use crate::seeded_random::SeededRandom;
use crate::siege::{self, SiegePlan};
use crate::simulation::Simulation;
use crate::test_bed::{Surroundings, TestBed};
use crate::violation::{ViolatedRule, Violation};

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
    if arguments.devices {
        return compare_devices(arguments, seed, &folder);
    }
    if let Some(disasters) = &arguments.fail_over {
        return let_fail_over(arguments, disasters, seed, &folder);
    }
    let report = execute(arguments, seed, &folder)?;
    print(&format!("\n{}", report.table()))?;
    let found: Vec<String> = report.violations.iter().map(Violation::to_string).collect();
    conclude(&found, report.is_clean(), &folder)
}

/// Runs a siege and prints its report. True if the honest people did not notice it.
fn besiege(plan: SiegePlan, seed: u64, folder: &Path, server: PathBuf) -> anyhow::Result<bool> {
    let report = siege::run(seed, plan, folder, server)?;
    print(&format!("\n{}", report.table()))?;
    let findings = report.findings();
    conclude(&findings, findings.is_empty(), folder)
}

/// Lets people with several devices work. True if no device missed, doubled or leaked anything.
fn compare_devices(arguments: &ChaosArguments, seed: u64, folder: &Path) -> anyhow::Result<bool> {
    let time = Duration::from_secs(arguments.seconds);
    let plan = DevicePlan { seed, people: usize::from(arguments.users), time };
    let report = devices::run(&plan, folder, program(arguments)?)?;
    print(&format!("\n{}", report.table()))?;
    let found: Vec<String> = report.violations.iter().map(Violation::to_string).collect();
    conclude(&found, report.is_clean(), folder)
}

/// Prints what was found. Removes the folder if nothing was wrong.
fn conclude(found: &[String], is_clean: bool, folder: &Path) -> anyhow::Result<bool> {
    for finding in found.iter().take(MAX_PRINTED) {
        print(&format!("{finding}\n"))?;
    }
    if is_clean {
        std::fs::remove_dir_all(folder).context("the folder cannot be removed")?;
    } else {
        print(&format!("everything is kept in {}\n", folder.display()))?;
    }
    Ok(is_clean)
}

/// Lets each disaster happen as often as wanted, each time to a new database. True if nothing was wrong.
fn let_fail_over(
    arguments: &ChaosArguments,
    disasters: &[Disaster],
    seed: u64,
    folder: &Path,
) -> anyhow::Result<bool> {
    let plans: Vec<FailOverPlan> = match (&arguments.database_url, &arguments.strike) {
        (Some(url), Some(command)) => {
            vec![FailOverPlan::Outside { url: url.clone(), command: command.clone() }]
        }
        _ if disasters.is_empty() => Disaster::ALL.map(FailOverPlan::Own).to_vec(),
        _ => disasters.iter().copied().map(FailOverPlan::Own).collect(),
    };
    let (mut reports, users) = (FailOverReport::default(), usize::from(arguments.users));
    let once = |plan: &FailOverPlan, round, name: &str| {
        let folder = folder.join(format!("{round}-{name}"));
        std::fs::create_dir(&folder)?;
        let report = fail_over::run(plan, seed + round, users, &folder, program(arguments)?)?;
        anyhow::Ok((report, folder))
    };
    for round in 0..arguments.rounds {
        for plan in &plans {
            let disaster = plan.disaster();
            let (report, folder) = once(plan, round, &format!("{disaster:?}"))?;
            let outage = report.outage.clone().unwrap_or_default();
            let (messages, reads) = (outage.messages.as_millis(), outage.reads.as_millis());
            let silence = format!("no message for {messages} ms, no read for {reads} ms");
            print(&format!("round {round}: {}: {silence}\n", disaster.name()))?;
            let found: Vec<String> = report.violations.iter().map(Violation::to_string).collect();
            conclude(&found, report.is_clean(), &folder)?;
            reports.add(disaster, report);
        }
    }
    print(&format!("\n{}", reports.table()))?;
    let control = FailOverPlan::Own(Disaster::Asynchronous);
    let lost = match arguments.database_url {
        Some(_) => 1,
        None => once(&control, 0, "control")?.0.count(ViolatedRule::Lost),
    };
    let found = (lost == 0).then(|| "the negative control was not noticed".to_owned());
    let text = format!("{}: {lost} lost, which was noticed\n", Disaster::Asynchronous.name());
    if found.is_none() && arguments.database_url.is_none() {
        print(&text)?;
    }
    conclude(found.as_slice(), found.is_none() && reports.is_clean(), folder)
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
    let around = Surroundings {
        front: load_balancer.as_ref(),
        pooled: arguments.pgbouncer,
        ..Surroundings::default()
    };
    let test_bed = TestBed::start(folder, program(arguments)?, around)?;
    let users = usize::from(arguments.users);
    let fleet = Arc::clone(&test_bed.servers.fleet);
    let simulation = Arc::new(Simulation::make(seed, users, fleet, folder.to_owned())?);
    let scenario: Box<dyn Scenario> = match (arguments.rolling, load_balancer) {
        (Some(times), Some(load_balancer)) => {
            Box::new(RollingRestart::new(&simulation, test_bed, load_balancer, times))
        }
        _ => Box::new(Nemesis::new(&simulation, test_bed, goals(arguments))?),
    };
    let report = experiment::carry_out(&simulation, users, scenario)?;
    print("everything was read back\n")?;
    Ok(report)
}

fn goals(arguments: &ChaosArguments) -> StopCondition {
    let duration = Duration::from_secs(arguments.seconds);
    StopCondition { duration, kills: arguments.kills, messages: arguments.messages }
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
