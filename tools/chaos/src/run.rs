//! One run from its beginning to its verdict.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::Arguments;
use crate::balancer::Balancer;
use crate::control;
use crate::history::Record;
use crate::life::Life;
use crate::nemesis::{Goals, Nemesis};
use crate::random::Random;
use crate::reader::Reader;
use crate::report::Report;
use crate::rolling::Rolling;
use crate::stage::Stage;
use crate::trouble::Trouble;
use crate::violation::{Rule, Violation};
use crate::world::World;

/// So many violations are told; the others are counted.
const TOLD: usize = 20;

/// Runs, tells what came of it, and is true when nothing was wrong.
///
/// # Errors
/// When the run itself cannot be carried out.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<bool> {
    // The address of something new is different in every process.
    let seed = arguments.seed.unwrap_or_else(|| u64::from(std::process::id()) ^ fresh());
    let folder = folder(arguments.folder.as_deref())?;
    tell(&format!("seed {seed}, in {}\n", folder.display()))?;
    let report = carry_out(arguments, seed, &folder)?;
    tell(&format!("\n{}", report.table()))?;
    for violation in report.violations.iter().take(TOLD) {
        tell(&format!("{violation}\n"))?;
    }
    if report.is_clean() {
        std::fs::remove_dir_all(&folder).context("the folder cannot be removed")?;
    } else {
        tell(&format!("everything is kept in {}\n", folder.display()))?;
    }
    Ok(report.is_clean())
}

fn carry_out(arguments: &Arguments, seed: u64, folder: &Path) -> anyhow::Result<Report> {
    let program = match &arguments.server {
        Some(path) => path.clone(),
        None => std::env::current_exe()?.with_file_name("hongyan"),
    };
    let balancer = arguments.rolling.map(|_| Balancer::start(folder)).transpose()?;
    let stage = Stage::set_up(folder, program, balancer.as_ref())?;
    let users = usize::from(arguments.users);
    let world = Arc::new(World::make(seed, users, Arc::clone(&stage.fleet), folder.to_owned())?);
    let mut trouble: Box<dyn Trouble> = match (arguments.rolling, balancer) {
        (Some(times), Some(balancer)) => Box::new(Rolling::new(&world, stage, balancer, times)),
        _ => Box::new(Nemesis::new(&world, stage, goals(arguments))?),
    };
    let begun = Instant::now();
    let lives = begin_lives(&world, users)?;
    let made = trouble.make();
    let load = begun.elapsed();
    world.over.store(true, Ordering::Relaxed);
    let ended = lives
        .into_iter()
        .map(|life| life.join().map_err(|_| anyhow::anyhow!("a person's thread panicked"))?);
    let ended: Vec<Life> = ended.collect::<anyhow::Result<_>>()?;
    made?;
    let mut records = ended.into_iter().map(Life::finish).collect::<anyhow::Result<Vec<_>>>()?;
    let aftermath = trouble.retire()?;
    records.extend(aftermath.probes);
    if arguments.rolling.is_some() {
        nobody_noticed(&world, &records);
    }
    tell("at rest; reading everything back\n")?;
    judge(&world, &aftermath.stage, &records, (seed, users, load, aftermath.deeds))
}

fn goals(arguments: &Arguments) -> Goals {
    let duration = Duration::from_secs(arguments.seconds);
    Goals { duration, kills: arguments.kills, messages: arguments.messages }
}

/// Where nothing was broken, everything is answered.
fn nobody_noticed(world: &World, records: &[Record]) {
    let unknown = Report::tally_of(records).unknown;
    if unknown > 0 {
        let detail = format!("{unknown} calls; \"unknown\" in the journals tells why");
        world.complaints.add(Rule::Unanswered, detail);
    }
}

fn judge(
    world: &World,
    stage: &Stage,
    records: &[Record],
    (seed, users, load, deeds): (u64, usize, Duration, Vec<(String, String)>),
) -> anyhow::Result<Report> {
    let mut violations: Vec<Violation> = world.complaints.take();
    let mut reader = Reader::new(world)?;
    for pair in 0..world.pairs.len() {
        violations.extend(reader.check(pair, records)?);
    }
    // A database in which something is wrong is kept as it is.
    let controls = violations.is_empty().then(|| control::run(world, &stage.cluster, records)).transpose()?;
    let acknowledged = records.iter().map(Record::acknowledged).sum();
    let tally = Report::tally_of(records);
    Ok(Report { seed, users, load, deeds, tally, acknowledged, violations, controls })
}

fn begin_lives(world: &Arc<World>, users: usize) -> anyhow::Result<Vec<JoinHandle<anyhow::Result<Life>>>> {
    let begin = |me| {
        let life = Life::begin(world, me)?;
        let thread = std::thread::Builder::new().name(format!("person-{me}"));
        Ok(thread.spawn(move || life.live())?)
    };
    (0..users).map(begin).collect()
}

/// A number that nobody chose.
fn fresh() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    Random::stream(RandomState::new().hash_one(0), 0).next() >> 32
}

fn folder(wanted: Option<&Path>) -> anyhow::Result<PathBuf> {
    let default = || std::env::temp_dir().join(format!("hongyan-crash-{}", std::process::id()));
    let folder = wanted.map_or_else(default, Path::to_owned);
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let empty = folder.read_dir()?.next().is_none();
    anyhow::ensure!(empty, "{} is not empty", folder.display());
    Ok(folder.canonicalize()?)
}

fn tell(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}
