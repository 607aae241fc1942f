//! The tables of many fail-overs: a row for each kind of disaster.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::Disaster;
use crate::report::Report;
use crate::scenario::Outage;
use crate::slow_calls::{self, CallPurpose};
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
             | no read for: median, longest (s) | longest send: begun in the first 5 s, later (s) | longest read (s) \
             | longest other change (s) | controls noticed |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n",
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
    let controls = reports.iter().filter_map(|report| report.controls);
    let (noticed, made) = controls.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    format!(
        "| {} | {} | {acknowledged} | {lost} | {doubled} | {} | {} | {} | {} | {} | {} | {noticed} of {made} |",
        disaster.name(),
        reports.len(),
        all - lost - doubled,
        median_and_longest(reports, |outage| outage.messages),
        median_and_longest(reports, |outage| outage.reads),
        longest_calls(reports, CallPurpose::Send),
        longest_calls(reports, CallPurpose::Read),
        longest_calls(reports, CallPurpose::Change),
    )
}

fn median_and_longest(reports: &[Report], of: impl Fn(&Outage) -> Duration) -> String {
    let mut times: Vec<_> = reports.iter().filter_map(|report| report.outage.as_ref().map(&of)).collect();
    times.sort_unstable();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    let longest = times.last().copied().unwrap_or_default();
    format!("{:.1}, {:.1}", median.as_secs_f64(), longest.as_secs_f64())
}

/// The longest calls among those that began in the first five seconds, when nothing is known to stand still, and among the later ones.
fn longest_calls(reports: &[Report], purpose: CallPurpose) -> String {
    const FIRST: Duration = Duration::from_secs(5);
    let longest = |wanted: bool| {
        let of = |report: &Report| {
            let begun = report.outage.as_ref().map_or(0, |outage| outage.begun);
            let until = begun.saturating_add(u64::try_from(FIRST.as_nanos()).unwrap_or(u64::MAX));
            slow_calls::longest(&report.slow_calls, purpose, |call| (call < until) == wanted)
        };
        reports.iter().map(of).max().unwrap_or_default().as_secs_f64()
    };
    format!("{:.1}, {:.1}", longest(true), longest(false))
}
