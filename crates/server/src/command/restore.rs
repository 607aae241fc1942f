//! Filling an empty database from a backup.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::Path;
use std::process::{Child, Stdio};

use anyhow::{Context, ensure};
use infra::{diagnostics, migrations};

use super::services::Services;
use super::{Outcome, programs, progress, say};
use crate::config::Settings;
use crate::database::{self, Unwatched, Visit};

pub(super) fn run(settings: &Settings, file: &Path) -> Outcome {
    let applied = applied_in(file)?;
    let state = migrations::compare(&applied)?;
    ensure_usable(&state.unknown, file)?;
    let visit = Visit::pay_or_make(settings)?;
    let empty = diagnostics::is_empty(visit.url())?;
    ensure_empty(empty)?;
    load(visit.url(), file)?;
    let migrated = database::migrate(visit.url(), settings.start, &mut Unwatched)?.len();
    let ended = actix_web::rt::System::new()
        .block_on(async { anyhow::Ok(Services::new(settings, visit.url())?.admin.end_all_sessions().await?) })
        .context("the data is there, but sessions could not be ended: run `hongyan restore` anew on an empty database")?;
    say(format_args!(
        "{} is restored; {ended} sessions were ended, so that everybody has to log in again; {migrated} migrations were applied",
        file.display()
    ));
    Ok(0)
}

fn ensure_usable(unknown: &[String], file: &Path) -> anyhow::Result<()> {
    ensure!(
        unknown.is_empty(),
        "{} was made by a newer version of hongyan, which knows the migrations {}; restore it with that version",
        file.display(),
        unknown.join(", ")
    );
    Ok(())
}

fn ensure_empty(empty: bool) -> anyhow::Result<()> {
    ensure!(
        empty,
        "the database is not empty; a backup is only restored into an empty one (another data folder, or a new database)"
    );
    Ok(())
}

/// The versions of the migrations that a backup was made with.
fn applied_in(file: &Path) -> anyhow::Result<BTreeSet<String>> {
    let mut pg_restore = programs::program("pg_restore");
    pg_restore.args(["--data-only", "--table=__diesel_schema_migrations", "--file=-"]).arg(file);
    pg_restore.stdin(Stdio::null()).stdout(Stdio::piped());
    let output = programs::start(&mut pg_restore)?.wait_with_output()?;
    ensure!(output.status.success(), "{} cannot be read as a backup", file.display());
    let text = String::from_utf8_lossy(&output.stdout);
    let rows = text.lines().skip_while(|line| !line.starts_with("COPY ")).skip(1);
    let rows = rows.take_while(|line| *line != "\\.");
    let versions: BTreeSet<String> =
        rows.filter_map(|row| row.split('\t').next()).map(str::to_owned).collect();
    ensure!(!versions.is_empty(), "{} is a backup, but not of hongyan", file.display());
    Ok(versions)
}

/// Has it loaded in one transaction, so that a failure leaves the database as empty as before.
fn load(url: &str, file: &Path) -> anyhow::Result<()> {
    let mut input = File::open(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let bar = progress::bytes("restoring", input.metadata().map_or(0, |metadata| metadata.len()));
    let mut pg_restore = programs::program_for("pg_restore", url);
    pg_restore.args(["--exit-on-error", "--single-transaction"]).stdin(Stdio::piped());
    let mut child = programs::start(&mut pg_restore)?;
    let copied = feed(&mut child, &mut bar.wrap_read(&mut input));
    let status = child.wait()?;
    bar.finish_and_clear();
    ensure!(status.success(), "pg_restore failed ({status}); what it said is above");
    copied.with_context(|| format!("{} cannot be read", file.display()))
}

fn feed(child: &mut Child, input: &mut impl io::Read) -> io::Result<()> {
    let Some(mut pipe) = child.stdin.take() else { return Ok(()) };
    io::copy(input, &mut pipe).map(|_| ())
}
