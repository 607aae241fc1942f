//! The table at the end of a run with devices.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use crate::history::CallCounts;
use crate::violation::{ViolatedRule, Violation};

/// The results of a run with devices.
pub(crate) struct DeviceReport {
    pub(super) seed: u64,
    pub(super) people: usize,
    pub(super) devices: usize,
    pub(super) time: Duration,
    pub(super) calls: CallCounts,
    /// What devices counted: frames by type, ends of sockets, faults of connections.
    pub(super) tally: BTreeMap<String, u64>,
    pub(super) faults: Vec<(&'static str, String)>,
    pub(super) rests: u64,
    /// The longest time until all devices held what a fresh one fetches.
    pub(super) slowest_settling: Duration,
    pub(crate) violations: Vec<Violation>,
    /// Wrong steps: noticed and made. `None` if there were violations already.
    pub(super) controls: Option<(usize, usize)>,
}

impl DeviceReport {
    pub(crate) fn is_clean(&self) -> bool {
        self.violations.is_empty() && self.controls.is_some_and(|(noticed, made)| noticed == made)
    }

    fn count(&self, rule: ViolatedRule) -> usize {
        self.violations.iter().filter(|violation| violation.rule == rule).count()
    }

    pub(crate) fn table(&self) -> String {
        let counts =
            [ViolatedRule::Missed, ViolatedRule::Doubled, ViolatedRule::Leaked].map(|rule| self.count(rule));
        let [missed, doubled, leaked] = counts;
        let controls = self
            .controls
            .map_or_else(|| "not tried".to_owned(), |(noticed, made)| format!("{noticed} of {made}"));
        let mut rows = vec![
            ("seed", self.seed.to_string()),
            ("people", self.people.to_string()),
            ("devices", self.devices.to_string()),
            ("seconds", self.time.as_secs().to_string()),
            ("calls of people", self.calls.all().to_string()),
            ("calls unknown", self.calls.unknown.to_string()),
        ];
        rows.extend(self.tally.iter().map(|(what, times)| (what.as_str(), times.to_string())));
        rows.extend(self.faults.iter().cloned());
        rows.extend([
            ("rests at which all devices were compared", self.rests.to_string()),
            ("slowest settling", format!("{} ms", self.slowest_settling.as_millis())),
            ("missed", missed.to_string()),
            ("doubled", doubled.to_string()),
            ("wrong person", leaked.to_string()),
            ("other rules broken", (self.violations.len() - missed - doubled - leaked).to_string()),
            ("negative controls noticed", controls),
        ]);
        let mut text = String::from("| what | how much |\n|---|---|\n");
        for (what, much) in rows {
            let _ = writeln!(text, "| {what} | {much} |");
        }
        text
    }
}
