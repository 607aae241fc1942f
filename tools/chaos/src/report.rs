//! The table printed at the end of a run.

use std::fmt::Write as _;
use std::time::Duration;

use crate::history::{CallCounts, UserHistory};
use crate::scenario::Outage;
use crate::slow_calls::SlowCall;
use crate::violation::{ViolatedRule, Violation};

/// The results of a run.
pub(crate) struct Report {
    pub(crate) seed: u64,
    pub(crate) users: usize,
    pub(crate) load: Duration,
    /// What the scenario did, as rows of the table.
    pub(crate) summary: Vec<(String, String)>,
    pub(crate) tally: CallCounts,
    pub(crate) acknowledged: usize,
    pub(crate) violations: Vec<Violation>,
    /// Where it is measured.
    pub(crate) outage: Option<Outage>,
    pub(crate) slow_calls: Vec<SlowCall>,
    /// Negative controls: noticed and made. `None` if there were violations already.
    pub(crate) controls: Option<(usize, usize)>,
}

impl Report {
    pub(crate) fn tally_of(records: &[UserHistory]) -> CallCounts {
        records.iter().fold(CallCounts::default(), |sum, record| sum.plus(record.tally))
    }

    pub(crate) fn is_clean(&self) -> bool {
        self.violations.is_empty() && self.controls.is_some_and(|(noticed, made)| noticed == made)
    }

    /// How often a rule was broken.
    pub(crate) fn count(&self, rule: ViolatedRule) -> usize {
        self.violations.iter().filter(|violation| violation.rule == rule).count()
    }

    pub(crate) fn table(&self) -> String {
        let (lost, doubled) = (self.count(ViolatedRule::Lost), self.count(ViolatedRule::Doubled));
        let mut rows = vec![
            ("seed".to_owned(), self.seed.to_string()),
            ("users".to_owned(), self.users.to_string()),
            ("seconds under load".to_owned(), self.load.as_secs().to_string()),
            ("operations".to_owned(), self.tally.all().to_string()),
            ("messages acknowledged".to_owned(), self.acknowledged.to_string()),
            ("operations refused".to_owned(), self.tally.refused.to_string()),
            ("operations unknown".to_owned(), self.tally.unknown.to_string()),
            ("of these, timed out".to_owned(), self.tally.timed_out.to_string()),
            ("slowest answer".to_owned(), format!("{} ms", self.tally.slowest.as_millis())),
        ];
        rows.extend(self.summary.iter().cloned());
        rows.extend([
            ("lost".to_owned(), lost.to_string()),
            ("doubled".to_owned(), doubled.to_string()),
            ("other rules broken".to_owned(), (self.violations.len() - lost - doubled).to_string()),
            ("negative controls noticed".to_owned(), self.controls_summary()),
        ]);
        let mut text = String::from("| what | how much |\n|---|---|\n");
        for (what, much) in rows {
            let _ = writeln!(text, "| {what} | {much} |");
        }
        text
    }

    fn controls_summary(&self) -> String {
        self.controls.map_or_else(|| "not tried".to_owned(), |(noticed, made)| format!("{noticed} of {made}"))
    }
}
