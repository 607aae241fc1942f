//! Examining an installation, a line for each thing.

use std::fmt;
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

use super::{FAILED, Outcome, say};
use crate::app::Application;
use crate::config::{DatabaseSettings, Settings};
use crate::database::Visit;

/// How long a database may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
const GIB: u64 = 1024 * 1024 * 1024;

/// How well something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Mark {
    Ok,
    Warn,
    Fail,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        })
    }
}

/// What was found of one thing.
type Finding = (Mark, &'static str, String);

pub(super) fn run(settings: &Settings) -> Outcome {
    let mut findings = vec![signing_key(settings), disk(&settings.data_dir, free(&settings.data_dir))];
    findings.extend(database(settings));
    for (mark, what, found) in &findings {
        // libpq says some things in several lines.
        let found = found.split_whitespace().collect::<Vec<_>>().join(" ");
        say(format_args!("{mark:<5} {what:<11} {found}"));
    }
    let worst = findings.iter().map(|(mark, ..)| *mark).max().unwrap_or(Mark::Ok);
    Ok(if worst == Mark::Fail { FAILED } else { 0 })
}

fn signing_key(settings: &Settings) -> Finding {
    const WHAT: &str = "signing key";
    let kept = settings.data_dir.join("jwt_secret");
    match (&settings.signing.secret, &settings.database) {
        (Some(secret), _) => (Mark::Ok, WHAT, format!("{} bytes, given", secret.expose_secret().len())),
        (None, DatabaseSettings::Given(_)) => {
            (Mark::Fail, WHAT, "HONGYAN_JWT_SECRET is not set, but needed with DATABASE_URL".to_owned())
        }
        (None, DatabaseSettings::Own) => match std::fs::read_to_string(&kept) {
            Ok(secret) if secret.trim().len() >= crate::secret::MIN_BYTES => {
                (Mark::Ok, WHAT, format!("{} bytes in {}", secret.trim().len(), kept.display()))
            }
            Ok(_) => (Mark::Fail, WHAT, format!("{} is too short", kept.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                (Mark::Ok, WHAT, "none yet; the first start makes one".to_owned())
            }
            Err(error) => (Mark::Fail, WHAT, format!("{} cannot be read: {error}", kept.display())),
        },
    }
}

/// The free bytes where a folder lies, and how many there are in all.
fn free(folder: &Path) -> Option<(u64, u64)> {
    let there = folder.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("."));
    let disk = rustix::fs::statvfs(there).ok()?;
    Some((disk.f_bavail.saturating_mul(disk.f_frsize), disk.f_blocks.saturating_mul(disk.f_frsize)))
}

fn disk(folder: &Path, free: Option<(u64, u64)>) -> Finding {
    let Some((free, all)) = free else {
        return (Mark::Warn, "disk", format!("how much is free at {} cannot be seen", folder.display()));
    };
    let mark = match free {
        few if few < GIB / 4 => Mark::Fail,
        few if few < 2 * GIB || few < all / 20 => Mark::Warn,
        _ => Mark::Ok,
    };
    let (free, all) = (free / (GIB / 1024), all / (GIB / 1024));
    (mark, "disk", format!("{free} of {all} MiB are free at {}", folder.display()))
}

fn database(settings: &Settings) -> Vec<Finding> {
    const WHAT: &str = "database";
    let visit = match Visit::pay(settings) {
        Ok(Some(visit)) => visit,
        Ok(None) => {
            return vec![(Mark::Warn, WHAT, "there is none yet; the first start makes it".to_owned())];
        }
        Err(error) => return vec![(Mark::Fail, WHAT, format!("{error:#}"))],
    };
    let asked = SystemClock.now();
    let begun = Instant::now();
    let facts = match ask(visit.url()) {
        Ok(facts) => facts,
        Err(why) => return vec![(Mark::Fail, WHAT, why)],
    };
    let answered = asked + TimeDelta::from_std(begun.elapsed()).unwrap_or_default();
    vec![
        version(&facts),
        schema(migrations::state(visit.url())),
        durability(&facts),
        clock(facts.clock, asked, answered),
        connections(settings, &facts),
        language(&facts),
    ]
}

/// Asks the database, but not for ever: libpq itself would wait for minutes.
fn ask(url: &str) -> Result<DatabaseFacts, String> {
    let (tell, told) = mpsc::channel();
    let url = url.to_owned();
    std::thread::spawn(move || tell.send(diagnostics::inspect(&url)));
    match told.recv_timeout(PATIENCE) {
        Ok(facts) => facts.map_err(|error: InspectionError| error.to_string()),
        Err(_) => Err(format!("it does not answer within {} seconds", PATIENCE.as_secs())),
    }
}

fn version(facts: &DatabaseFacts) -> Finding {
    let oldest = Installation::OLDEST_MAJOR;
    let (mark, more) = if facts.major < oldest {
        (Mark::Fail, format!("; {oldest} or newer is needed"))
    } else {
        (Mark::Ok, String::new())
    };
    (mark, "database", format!("PostgreSQL {}{more}", facts.version))
}

fn schema(state: Result<SchemaState, migrations::MigrationError>) -> Finding {
    let (mark, found) = match state {
        Err(error) => (Mark::Fail, error.to_string()),
        Ok(state) if !state.unknown.is_empty() => {
            (Mark::Warn, format!("a newer version has applied {}", state.unknown.join(", ")))
        }
        Ok(state) if !state.pending.is_empty() => {
            (Mark::Warn, format!("pending: {}; the next start applies them", state.pending.join(", ")))
        }
        Ok(_) => (Mark::Ok, "up to date".to_owned()),
    };
    (mark, "schema", found)
}

fn durability(facts: &DatabaseFacts) -> Finding {
    // What our own sessions set overrules synchronous_commit; the others lose data in a crash whatever we do.
    let (harmless, harmful): (Vec<&str>, Vec<&str>) =
        facts.not_durable.iter().copied().partition(|name| *name == "synchronous_commit");
    let (mark, found) = if !harmful.is_empty() {
        (Mark::Fail, format!("{} is off: a crash loses or breaks what was acknowledged", harmful.join(", ")))
    } else if !harmless.is_empty() {
        (Mark::Warn, "synchronous_commit is off; hongyan turns it on for itself".to_owned())
    } else {
        (Mark::Ok, "fsync, full_page_writes and synchronous_commit are on".to_owned())
    };
    (mark, "durability", found)
}

/// The database's time lies between the moments before it was asked and after it answered, if both clocks agree.
fn clock(database: DateTime<Utc>, asked: DateTime<Utc>, answered: DateTime<Utc>) -> Finding {
    let ahead = (database - answered).max(TimeDelta::zero());
    let behind = (asked - database).max(TimeDelta::zero());
    let skew = ahead.max(behind);
    let mark = match skew.num_milliseconds() {
        ..=1000 => Mark::Ok,
        // Nothing but the log goes by it.
        _ => Mark::Warn,
    };
    (mark, "clock", format!("{} ms off the database's, which decides", skew.num_milliseconds()))
}

fn connections(settings: &Settings, facts: &DatabaseFacts) -> Finding {
    let ours = i64::from(Application::connection_budget(settings).total());
    let free = facts.max_connections.saturating_sub(facts.connections);
    let mark = match ours {
        many if many > facts.max_connections => Mark::Fail,
        many if many > free => Mark::Warn,
        _ => Mark::Ok,
    };
    let (most, taken) = (facts.max_connections, facts.connections);
    (
        mark,
        "connections",
        format!("an instance needs {ours}; the database takes {most}, {taken} are taken now"),
    )
}

fn language(facts: &DatabaseFacts) -> Finding {
    let english = ["C", "POSIX", "en"].iter().any(|prefix| facts.messages.starts_with(prefix));
    let found = format!("lc_messages is {:?}", facts.messages);
    if english || facts.messages.is_empty() {
        return (Mark::Ok, "messages", found);
    }
    (Mark::Warn, "messages", format!("{found}; some errors are told apart by their English words"))
}

#[cfg(test)]
mod tests;
