//! `doctor`: examines an installation and prints one finding per line.

mod files;
mod finding;
mod replication;
mod secret_files;

use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use domain::clock::Clock;
use infra::clock::SystemClock;
use infra::diagnostics::{self, DatabaseFacts, InspectionError};
use infra::migrations::{self, SchemaState};
use local_postgres::Installation;
use secrecy::ExposeSecret;

use self::finding::{Finding, Severity};
use super::report::{CommandResult, FAILED, print, print_json};
use crate::app::Application;
use crate::config::{DatabaseSettings, DatabaseUrl, Invocation, Settings};
use crate::database::DatabaseAccess;
use crate::{risks, secret};

/// Time limit for the database's response.
const DATABASE_TIMEOUT: Duration = Duration::from_secs(5);
const GIB: u64 = 1024 * 1024 * 1024;

#[expect(clippy::unnecessary_wraps, reason = "all commands return the same type")]
pub(super) fn run(settings: &Settings, invocation: &Invocation, as_json: bool) -> CommandResult {
    let mut findings = vec![signing_key(settings), disk(&settings.data_dir, free_space(&settings.data_dir))];
    findings.extend(invocation.warnings().iter().map(|text| Finding::new(Severity::Warn, "setting", text)));
    findings.extend(risks::of(settings).into_iter().map(|risk| {
        let severity = if risk.is_note { Severity::Note } else { Severity::Warn };
        Finding::new(severity, risk.subject, risk.text)
    }));
    findings.extend(libpq_environment(settings));
    findings.extend(secret_files::examine(&invocation.files_with_secrets()));
    findings.extend(files::examine(settings));
    findings.extend(database(settings));
    if as_json {
        print_json(&findings.iter().map(Finding::as_json).collect());
    } else {
        for finding in &findings {
            print(finding);
        }
    }
    let worst = findings.iter().map(|finding| finding.severity).max();
    Ok(if worst == Some(Severity::Fail) { FAILED } else { 0 })
}

/// Variables that libpq adds to `DATABASE_URL`. For the embedded database they are removed, with a warning.
fn libpq_environment(settings: &Settings) -> Option<Finding> {
    let DatabaseSettings::Existing(_) = settings.database else { return None };
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let mut names: Vec<String> = names.filter(|name| name.starts_with("PG") && name != "PG_BIN").collect();
    names.sort();
    let text = format!("added to DATABASE_URL, unset if not meant: {}", names.join(", "));
    (!names.is_empty()).then(|| Finding::new(Severity::Note, "libpq", text))
}

fn signing_key(settings: &Settings) -> Finding {
    let (severity, text) = match (&settings.signing.secret, &settings.database) {
        (Some(secret), _) => (Severity::Ok, format!("{} bytes, configured", secret.expose_secret().len())),
        (None, DatabaseSettings::Existing(_)) => {
            (Severity::Fail, "HONGYAN_JWT_SECRET is not set; DATABASE_URL requires it".to_owned())
        }
        (None, DatabaseSettings::Embedded) => match secret::load(&settings.data_dir) {
            Ok(Some(secret)) => {
                let path = secret::path(&settings.data_dir);
                (Severity::Ok, format!("{} bytes in {}", secret.expose_secret().len(), path.display()))
            }
            Ok(None) => (Severity::Ok, "none yet; the first start creates one".to_owned()),
            Err(error) => (Severity::Fail, format!("{error:#}")),
        },
    };
    Finding::new(severity, "signing key", text)
}

/// Free and total bytes of a file system.
#[derive(Clone, Copy)]
struct Space {
    free: u64,
    total: u64,
}

/// The space of the file system that a folder is on, or will be on.
fn free_space(folder: &Path) -> Option<Space> {
    let existing = folder.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("."));
    let disk = rustix::fs::statvfs(existing).ok()?;
    Some(Space {
        free: disk.f_bavail.saturating_mul(disk.f_frsize),
        total: disk.f_blocks.saturating_mul(disk.f_frsize),
    })
}

fn disk(folder: &Path, space: Option<Space>) -> Finding {
    const SUBJECT: &str = "disk";
    const MIB: u64 = GIB / 1024;
    let Some(Space { free, total }) = space else {
        let text = format!("the free space at {} is unknown", folder.display());
        return Finding::new(Severity::Warn, SUBJECT, text);
    };
    let severity = match free {
        low if low < GIB / 4 => Severity::Fail,
        low if low < 2 * GIB || low < total / 20 => Severity::Warn,
        _ => Severity::Ok,
    };
    let text = format!("{} of {} MiB free at {}", free / MIB, total / MIB, folder.display());
    Finding::new(severity, SUBJECT, text)
}

fn database(settings: &Settings) -> Vec<Finding> {
    let finding = |severity, text: String| vec![Finding::new(severity, "database", text)];
    let database = match DatabaseAccess::open(settings) {
        Ok(Some(database)) => database,
        Ok(None) => return finding(Severity::Warn, "none yet; the first start creates it".to_owned()),
        Err(error) => return finding(Severity::Fail, format!("{error:#}")),
    };
    let asked = SystemClock.now();
    let begun = Instant::now();
    let facts = match inspect(database.url()) {
        Ok(facts) => facts,
        Err(why) => return finding(Severity::Fail, why),
    };
    let answered = asked + TimeDelta::from_std(begun.elapsed()).unwrap_or_default();
    let mut findings = vec![
        version(&facts),
        schema(migrations::state(database.url().expose())),
        durability(&facts),
        clock(facts.clock, asked, answered),
        connections(settings, &facts),
        language(&facts),
    ];
    findings.extend(other_settings(&facts));
    findings.extend(replication::examine(&facts.replication));
    findings
}

/// Settings of the role or the database: those that break the schema, and those that our own sessions override.
fn other_settings(facts: &DatabaseFacts) -> Vec<Finding> {
    const SUBJECT: &str = "settings";
    let overridden = facts.overridden.iter().map(|setting| format!("{setting} (overridden)"));
    let mut findings: Vec<Finding> =
        overridden.map(|text| Finding::new(Severity::Warn, SUBJECT, text)).collect();
    if !facts.has_schema {
        findings.push(Finding::new(Severity::Fail, SUBJECT, "search_path leads to no schema: reset it"));
    }
    findings
}

/// Queries the database with a time limit: libpq itself would wait for minutes.
fn inspect(url: &DatabaseUrl) -> Result<DatabaseFacts, String> {
    let (sender, receiver) = mpsc::channel();
    let url = url.expose().to_owned();
    std::thread::spawn(move || {
        // No one waits for a late answer.
        let _ = sender.send(diagnostics::inspect(&url));
    });
    match receiver.recv_timeout(DATABASE_TIMEOUT) {
        Ok(facts) => facts.map_err(|error: InspectionError| error.to_string()),
        Err(_) => Err(format!("no response within {} seconds", DATABASE_TIMEOUT.as_secs())),
    }
}

fn version(facts: &DatabaseFacts) -> Finding {
    let oldest = Installation::OLDEST_MAJOR;
    let (severity, requirement) = if facts.major < oldest {
        (Severity::Fail, format!("; needs {oldest} or newer"))
    } else {
        (Severity::Ok, String::new())
    };
    Finding::new(severity, "database", format!("PostgreSQL {}{requirement}", facts.version))
}

fn schema(state: Result<SchemaState, migrations::MigrationError>) -> Finding {
    let (severity, text) = match state {
        Err(error) => (Severity::Fail, error.to_string()),
        Ok(state) if !state.unknown.is_empty() => {
            (Severity::Warn, format!("migrated by a newer version: {}", state.unknown.join(", ")))
        }
        Ok(state) if !state.pending.is_empty() => (
            Severity::Warn,
            format!("migrations pending: {}; the next start applies them", state.pending.len()),
        ),
        Ok(_) => (Severity::Ok, "up to date".to_owned()),
    };
    Finding::new(severity, "schema", text)
}

fn durability(facts: &DatabaseFacts) -> Finding {
    // Our own sessions override synchronous_commit; the other settings lose data in a crash in any case.
    let (overridden, harmful): (Vec<&str>, Vec<&str>) =
        facts.not_durable.iter().copied().partition(|name| *name == "synchronous_commit");
    let (severity, text) = if !harmful.is_empty() {
        (Severity::Fail, format!("{} off: a crash can lose messages", harmful.join(", ")))
    } else if !overridden.is_empty() {
        (Severity::Warn, "synchronous_commit off; hongyan turns it on for itself".to_owned())
    } else {
        (Severity::Ok, "fsync, full_page_writes and synchronous_commit are on".to_owned())
    };
    Finding::new(severity, "durability", text)
}

/// The skew of this machine's clock. If both clocks agree, the database's time lies between the moments before the query and
/// after its response.
fn clock(database: DateTime<Utc>, asked: DateTime<Utc>, answered: DateTime<Utc>) -> Finding {
    let ahead = (database - answered).max(TimeDelta::zero());
    let behind = (asked - database).max(TimeDelta::zero());
    let skew = ahead.max(behind).num_milliseconds();
    // A skew only makes the log's times wrong: everything else uses the database's clock.
    let severity = if skew > 1000 { Severity::Warn } else { Severity::Ok };
    Finding::new(severity, "clock", format!("{skew} ms off the database's clock, which decides"))
}

fn connections(settings: &Settings, facts: &DatabaseFacts) -> Finding {
    let needed = i64::from(Application::connection_budget(settings).total());
    let (max, used) = (facts.max_connections, facts.connections);
    let severity = match needed {
        many if many > max => Severity::Fail,
        many if many > max.saturating_sub(used) => Severity::Warn,
        _ => Severity::Ok,
    };
    Finding::new(severity, "connections", format!("an instance needs {needed}; {used} of {max} are in use"))
}

fn language(facts: &DatabaseFacts) -> Finding {
    const SUBJECT: &str = "messages";
    let text = match facts.messages.as_str() {
        "" => "lc_messages is not set".to_owned(),
        messages => format!("lc_messages is {messages}"),
    };
    if facts.has_english_messages() {
        return Finding::new(Severity::Ok, SUBJECT, text);
    }
    // Diesel does not expose the SQLSTATE, so some errors are classified by their English message.
    Finding::new(Severity::Warn, SUBJECT, format!("{text}; set it to C or errors are misread"))
}

#[cfg(test)]
mod tests;
