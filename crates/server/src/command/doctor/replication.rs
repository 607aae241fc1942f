//! Replication audit: the standbys, and whether COMMITs depend on exactly one of them.

use infra::replication::{Replication, Standby};

use super::finding::{Finding, Severity};

const SUBJECT: &str = "replication";

/// Examines the replicas of the database.
pub(super) fn examine(replication: &Replication) -> Vec<Finding> {
    let mut findings = Vec::new();
    if replication.is_standby {
        let text = "a standby, which accepts no writes: let DATABASE_URL lead to the primary";
        findings.push(Finding::new(Severity::Warn, SUBJECT, text));
    }
    findings.extend(replication.standbys.iter().map(standby));
    findings.extend(replication.is_synchronous.then(|| synchronous(&replication.standbys)).flatten());
    findings
}

fn standby(standby: &Standby) -> Finding {
    let name = standby.name.as_deref().unwrap_or("of no name");
    let Some(state) = &standby.state else {
        let text = format!("standby {name}: its state needs GRANT pg_monitor to this role");
        return Finding::new(Severity::Note, SUBJECT, text);
    };
    let mode = if standby.synchronous == Some(true) { "synchronous" } else { "asynchronous" };
    let behind = standby.behind.map_or_else(String::new, |bytes| format!(", {bytes} bytes behind"));
    let severity = if state == "streaming" { Severity::Ok } else { Severity::Warn };
    Finding::new(severity, SUBJECT, format!("standby {name}: {state}, {mode}{behind}"))
}

/// Whether COMMITs find a standby to wait for. Unknown where the states are hidden.
fn synchronous(standbys: &[Standby]) -> Option<Finding> {
    if standbys.iter().any(|standby| standby.state.is_none()) {
        return None;
    }
    let waited_for = |standby: &&Standby| {
        standby.synchronous == Some(true) && standby.state.as_deref() == Some("streaming")
    };
    let (severity, text) = match standbys.iter().filter(waited_for).count() {
        0 => (Severity::Fail, "no synchronous standby is connected: every write waits for one"),
        1 => (Severity::Warn, "one synchronous standby: if it stops, writes wait; ANY 1 of two is better"),
        _ => return None,
    };
    Some(Finding::new(severity, SUBJECT, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standby(state: Option<&str>, synchronous: bool) -> Standby {
        let behind = state.map(|_| 0);
        let (name, state) = (Some("two".to_owned()), state.map(ToOwned::to_owned));
        Standby { name, state, synchronous: Some(synchronous), behind }
    }

    fn severities(is_standby: bool, is_synchronous: bool, standbys: &[Standby]) -> Vec<Severity> {
        let replication = Replication { is_standby, is_synchronous, standbys: standbys.to_vec() };
        examine(&replication).iter().map(|finding| finding.severity).collect()
    }

    #[test]
    fn a_single_server_needs_no_line_and_a_standby_warns() {
        assert_eq!(severities(false, false, &[]), []);
        assert_eq!(severities(true, false, &[]), [Severity::Warn]);
    }

    #[test]
    fn exactly_one_synchronous_standby_warns_and_none_fails() {
        let (sync, potential) = (standby(Some("streaming"), true), standby(Some("streaming"), false));
        assert_eq!(severities(false, true, &[]), [Severity::Fail]);
        assert_eq!(severities(false, true, std::slice::from_ref(&sync)), [Severity::Ok, Severity::Warn]);
        let two = [sync.clone(), potential.clone()];
        assert_eq!(severities(false, true, &two), [Severity::Ok, Severity::Ok, Severity::Warn]);
        assert_eq!(severities(false, true, &[sync.clone(), sync]), [Severity::Ok, Severity::Ok]);
        assert_eq!(severities(false, false, &[potential]), [Severity::Ok]);
    }

    #[test]
    fn a_standby_that_does_not_stream_warns_and_a_hidden_one_is_noted() {
        assert_eq!(severities(false, false, &[standby(Some("catchup"), false)]), [Severity::Warn]);
        assert_eq!(severities(false, true, &[standby(None, false)]), [Severity::Note]);
    }
}
