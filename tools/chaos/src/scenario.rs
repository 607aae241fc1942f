//! A scenario: what happens to the servers while the users work.

use std::time::Duration;

use crate::history::{CallCounts, UserHistory};
use crate::simulation::Simulation;
use crate::slow_calls::SlowCall;
use crate::violation::ViolatedRule;

/// What happens to the servers during a run.
pub(crate) trait Scenario {
    /// Runs to the end, or until something is wrong for good.
    ///
    /// # Errors
    /// When a step cannot be carried out.
    fn run(&mut self) -> anyhow::Result<()>;

    /// Releases everything, after the users have stopped.
    ///
    /// # Errors
    /// When the API returns something impossible.
    fn finish(self: Box<Self>) -> anyhow::Result<ScenarioResult>;
}

/// The database as it is after the load, in which the negative controls change rows.
pub(crate) trait FinalDatabase {
    /// Runs SQL and returns its output, without headers and alignment.
    ///
    /// # Errors
    /// When it fails.
    fn execute(&self, sql: &str) -> anyhow::Result<String>;
}

/// What the users noticed of a disaster.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outage {
    /// When the disaster began, by the run's clock.
    pub(crate) begun: u64,
    /// The longest time without an acknowledged message.
    pub(crate) messages: Duration,
    /// The longest time without an answered read of a user that only reads.
    pub(crate) reads: Duration,
    /// The slow calls of that user.
    pub(crate) slow_reads: Vec<SlowCall>,
}

/// What a scenario leaves for the checker and the report.
pub(crate) struct ScenarioResult {
    /// Keeps the servers and the database running until it is dropped.
    pub(crate) test_bed: Box<dyn FinalDatabase>,
    /// Rows of the final table.
    pub(crate) summary: Vec<(String, String)>,
    /// Histories of the two probe users, who are friends of each other only.
    pub(crate) probes: Vec<UserHistory>,
    pub(crate) demand: AnswerDemand,
    /// Where it is measured.
    pub(crate) outage: Option<Outage>,
    /// Whether a restarted primary showed messages that were lost with it: a negative control, where one restarts.
    pub(crate) trapped: Option<bool>,
}

/// What a scenario demands of the answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AnswerDemand {
    /// Calls may fail, because servers die.
    Any,
    /// Every call is answered, because nothing is broken.
    EveryCall,
    /// Only the database is broken: a 5xx is a 503 that says when to retry.
    NoServerError,
}

impl AnswerDemand {
    /// Reports what the answers lack.
    pub(crate) fn check(self, simulation: &Simulation, tally: CallCounts) {
        let violations = &simulation.violations;
        match self {
            Self::EveryCall if tally.unknown > 0 => {
                let detail = format!("{} calls; look for \"unknown\" in the journals", tally.unknown);
                violations.add(ViolatedRule::Unanswered, detail);
            }
            Self::NoServerError if tally.server_errors > 0 => {
                let detail = format!("{} answers; look for \"unknown\" in the journals", tally.server_errors);
                violations.add(ViolatedRule::ServerError, detail);
            }
            _ => {}
        }
    }
}
