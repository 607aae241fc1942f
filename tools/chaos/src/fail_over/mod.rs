//! Fail-over: the primary of a replicated database dies, freezes or is mistaken under load, and a standby takes its place.
//!
//! The servers use a primary whose COMMITs wait for a standby ([`replicas`]), by a URL that names all of them or through the harness's
//! proxy. The users send with and without keys, read and recall as in the crash test; one [`disaster`] happens; then everything is
//! read back from the new primary and compared. Nothing acknowledged may be missing or doubled, no answer may be a 5xx other than a 503
//! with `Retry-After`, and messages must be acknowledged again in time ([`silence`]).
//!
//! With `--database-url` and `--strike` the database is a given one, and a given command brings the disaster about.

mod bed;
mod disaster;
mod fail_over_report;
mod replicas;
mod silence;
mod strike;
mod trap;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bed::FailOverBed;
pub(crate) use disaster::Disaster;
pub(crate) use fail_over_report::FailOverReport;
use silence::SilenceMeter;
use trap::ShownMessages;

use crate::experiment;
use crate::report::Report;
use crate::scenario::{AnswerDemand, Outage, Scenario, ScenarioResult};
use crate::simulation::Simulation;
use crate::violation::ViolatedRule;
use crate::virtual_user::VirtualUser;

/// The database and the disaster of a run.
#[derive(Debug, Clone)]
pub(crate) enum FailOverPlan {
    /// The harness's own database.
    Own(Disaster),
    /// A given database, and the command that brings the disaster about.
    Outside { url: String, command: PathBuf },
}

impl FailOverPlan {
    pub(crate) const fn disaster(&self) -> Disaster {
        match self {
            Self::Own(disaster) => *disaster,
            Self::Outside { .. } => Disaster::Outside,
        }
    }
}

/// One disaster under load.
struct FailOver {
    simulation: Arc<Simulation>,
    bed: FailOverBed,
    plan: FailOverPlan,
    outage: Outage,
    /// What a restarted primary showed; only where one restarts.
    shown: Option<ShownMessages>,
}

/// Runs one disaster in an empty folder.
///
/// # Errors
/// When the run itself cannot be executed.
pub(crate) fn run(
    plan: &FailOverPlan,
    seed: u64,
    users: usize,
    folder: &Path,
    server: PathBuf,
) -> anyhow::Result<Report> {
    let bed = match plan {
        FailOverPlan::Own(disaster) => FailOverBed::start(folder, server, *disaster)?,
        FailOverPlan::Outside { url, .. } => FailOverBed::outside(folder, server, url)?,
    };
    let fleet = Arc::clone(&bed.servers.fleet);
    let simulation = Arc::new(Simulation::make(seed, users, fleet, folder.to_owned())?);
    let (outage, shown) = Default::default();
    let scenario = FailOver { simulation: Arc::clone(&simulation), bed, plan: plan.clone(), outage, shown };
    experiment::carry_out(&simulation, users, Box::new(scenario))
}

impl FailOver {
    /// How long the users work before the disaster and after it.
    const QUIET: Duration = Duration::from_millis(1500);
    /// The longest time until messages are acknowledged again.
    const RECOVERY: Duration = Duration::from_secs(60);

    fn acknowledged(&self) -> u64 {
        self.simulation.acknowledged.load(Ordering::Relaxed)
    }

    /// Waits until messages flow again.
    fn wait_for_messages(&self) {
        let (begun, from) = (Instant::now(), self.acknowledged());
        while self.acknowledged() < from + 50 {
            if begun.elapsed() > Self::RECOVERY {
                let detail = format!("no messages {} s after the disaster", Self::RECOVERY.as_secs());
                self.simulation.violations.add(ViolatedRule::Recovery, detail);
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Checks how long the users were without an answer, after a disaster that took `struck`.
    fn check_silence(&self, struck: Duration) {
        let limit = self.plan.disaster().longest_silence(struck);
        let silence = self.outage.messages;
        if silence > limit {
            let detail =
                format!("no message for {} ms; at most {} ms", silence.as_millis(), limit.as_millis());
            self.simulation.violations.add(ViolatedRule::Recovery, detail);
        }
    }
}

impl Scenario for FailOver {
    fn run(&mut self) -> anyhow::Result<()> {
        self.wait_for_messages();
        std::thread::sleep(Self::QUIET);
        let meter = SilenceMeter::start(&self.simulation)?;
        let begun = Instant::now();
        let struck = self.strike();
        let took = begun.elapsed();
        if struck.is_ok() {
            self.wait_for_messages();
            std::thread::sleep(Self::QUIET);
        }
        self.outage = meter.finish()?;
        self.check_silence(took);
        struck
    }

    fn finish(self: Box<Self>) -> anyhow::Result<ScenarioResult> {
        let newest = self.simulation.accounts.len();
        let probe = |number| VirtualUser::begin(&self.simulation, number)?.finish();
        let probes = vec![probe(newest - 2)?, probe(newest - 1)?];
        let trapped = self.shown.as_ref().map(|shown| shown.have_vanished(&self.bed)).transpose()?;
        Ok(ScenarioResult {
            test_bed: Box::new(self.bed),
            summary: Vec::new(),
            probes,
            demand: AnswerDemand::NoServerError,
            outage: Some(self.outage.clone()),
            trapped,
        })
    }
}
