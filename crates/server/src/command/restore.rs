//! `restore`: loads a backup into an empty database.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::Path;
use std::process::{Child, Stdio};

use anyhow::{Context, ensure};
use infra::{diagnostics, migrations};

use super::report::{CommandResult, print};
use super::services::Services;
use super::{programs, progress};
use crate::config::{DatabaseUrl, Settings};
use crate::database::{self, DatabaseAccess, Unwatched};

pub(super) fn run(settings: &Settings, file: &Path) -> CommandResult {
    let applied = applied_in(file)?;
    let state = migrations::compare(&applied)?;
    ensure_usable(&state.unknown, file)?;
    let access = DatabaseAccess::open_or_create(settings)?;
    let empty = diagnostics::is_empty(access.url().expose())?;
    ensure_empty(empty)?;
    load(access.url(), file)?;
    let migrated = database::migrate(access.url().expose(), settings.start, &mut Unwatched)?.len();
    let ended = end_all_sessions(settings, &access).context(
        "the data is restored, but its sessions are not ended: run `hongyan restore` again on an empty database",
    )?;
    print(format_args!("restored from {}", file.display()));
    print(format_args!("migrations applied: {migrated}"));
    print(format_args!("sessions ended: {ended} (every user has to log in again)"));
    Ok(0)
}

fn end_all_sessions(settings: &Settings, access: &DatabaseAccess) -> anyhow::Result<u64> {
    let url = access.url().expose();
    actix_web::rt::System::new()
        .block_on(async { Ok(Services::new(settings, url)?.admin.end_all_sessions().await?) })
}

fn ensure_usable(unknown: &[String], file: &Path) -> anyhow::Result<()> {
    ensure!(
        unknown.is_empty(),
        "{} was written by a newer version of hongyan with the migrations {}; restore it with that version",
        file.display(),
        unknown.join(", ")
    );
    Ok(())
}

fn ensure_empty(empty: bool) -> anyhow::Result<()> {
    ensure!(
        empty,
        "the database is not empty; restore into an empty one: another data directory, or a new database"
    );
    Ok(())
}

/// The versions of the migrations that were applied to the database of a backup.
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
    ensure!(!versions.is_empty(), "{} is a backup of another application", file.display());
    Ok(versions)
}

/// Loads the backup in one transaction, so a failure leaves the database empty.
fn load(url: &DatabaseUrl, file: &Path) -> anyhow::Result<()> {
    let mut input = File::open(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let bar = progress::bytes("restoring", input.metadata().map_or(0, |metadata| metadata.len()));
    let mut pg_restore = programs::program_for("pg_restore", url)?;
    pg_restore.command.args(["--exit-on-error", "--single-transaction"]).stdin(Stdio::piped());
    let mut child = programs::start(&mut pg_restore.command)?;
    let copied = feed(&mut child, &mut bar.wrap_read(&mut input));
    let status = child.wait()?;
    bar.finish_and_clear();
    ensure!(status.success(), "pg_restore failed ({status}); see its output above");
    copied.with_context(|| format!("{} cannot be read", file.display()))
}

fn feed(child: &mut Child, input: &mut impl io::Read) -> io::Result<()> {
    let Some(mut pipe) = child.stdin.take() else { return Ok(()) };
    io::copy(input, &mut pipe).map(|_| ())
}
