//! A scenario: what happens to the servers while the users work.

use crate::history::UserHistory;
use crate::test_bed::TestBed;

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

/// What a scenario leaves for the checker and the report.
pub(crate) struct ScenarioResult {
    pub(crate) test_bed: TestBed,
    /// Rows of the final table.
    pub(crate) summary: Vec<(String, String)>,
    /// Histories of the two probe users, who are friends of each other only.
    pub(crate) probes: [UserHistory; 2],
}
