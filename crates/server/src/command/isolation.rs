//! Isolation from libpq's environment: variables such as `PGOPTIONS` or `PGSERVICE` are meant for another database than the
//! embedded one.
//!
//! libpq reads them in this process, and a process cannot safely change its own environment. So the program is replaced by
//! itself, with an environment without them, before any thread is started.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::Context;

use crate::config::{DatabaseSettings, Settings};

/// Names the folder of PostgreSQL's programs; it is ours, not libpq's.
const OURS: &str = "PG_BIN";

/// Removes libpq's variables if the database is the embedded one. Returns only if there are none.
pub(super) fn isolate(settings: &Settings) -> anyhow::Result<()> {
    if !matches!(settings.database, DatabaseSettings::Embedded) {
        return Ok(());
    }
    let names: Vec<OsString> = std::env::vars_os().map(|(name, _)| name).filter(is_foreign).collect();
    if names.is_empty() {
        return Ok(());
    }
    tracing::warn!(variables = ?names, "ignored: these variables of libpq are not meant for the embedded database");
    let mut arguments = std::env::args_os();
    let mut program = Command::new(std::env::current_exe().context("this program cannot be found")?);
    if let Some(name) = arguments.next() {
        program.arg0(name);
    }
    program.args(arguments);
    for name in names {
        program.env_remove(name);
    }
    Err(program.exec()).context("this program cannot be started without libpq's variables")
}

fn is_foreign(name: &OsString) -> bool {
    name != OURS && name.as_encoded_bytes().starts_with(b"PG")
}
