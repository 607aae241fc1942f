//! The table of many fail-overs: a row for each kind of disaster.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::Disaster;
use crate::report::Report;
use crate::violation::ViolatedRule;

/// The rounds of each disaster.
#[derive(Default)]
pub(crate) struct FailOverReport {
    rounds: BTreeMap<Disaster, Vec<Report>>,
}

impl FailOverReport {
    pub(crate) fn add(&mut self, disaster: Disaster, report: Report) {
        self.rounds.entry(disaster).or_default().push(report);
    }

    pub(crate) fn is_clean(&self) -> bool {
        self.rounds.values().flatten().all(Report::is_clean)
    }

    pub(crate) fn table(&self) -> String {
        let mut text = String::from(
            "| disaster | rounds | acknowledged | lost | doubled | other rules broken | no message for: median, longest (s) \
             | slowest answer (s) | controls noticed |\n|---|---|---|---|---|---|---|---|---|\n",
        );
        for (disaster, reports) in &self.rounds {
            let _ = writeln!(text, "{}", row(*disaster, reports));
        }
        text
    }
}

fn row(disaster: Disaster, reports: &[Report]) -> String {
    let count = |rule| reports.iter().map(|report| report.count(rule)).sum::<usize>();
    let (lost, doubled) = (count(ViolatedRule::Lost), count(ViolatedRule::Doubled));
    let all = reports.iter().map(|report| report.violations.len()).sum::<usize>();
    let acknowledged = reports.iter().map(|report| report.acknowledged).sum::<usize>();
    let mut silences: Vec<Duration> = reports.iter().filter_map(|report| report.silence).collect();
    silences.sort_unstable();
    let median = silences.get(silences.len() / 2).copied().unwrap_or_default();
    let longest = silences.last().copied().unwrap_or_default();
    let slowest = reports.iter().map(|report| report.tally.slowest).max().unwrap_or_default();
    let controls = reports.iter().filter_map(|report| report.controls);
    let (noticed, made) = controls.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    format!(
        "| {} | {} | {acknowledged} | {lost} | {doubled} | {} | {:.1}, {:.1} | {:.1} | {noticed} of {made} |",
        disaster.name(),
        reports.len(),
        all - lost - doubled,
        median.as_secs_f64(),
        longest.as_secs_f64(),
        slowest.as_secs_f64(),
    )
}
