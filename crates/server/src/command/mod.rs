//! What the binary does when it is called.

mod backup;
mod doctor;
mod migrate;
mod password;
mod programs;
mod progress;
mod restore;
mod services;
mod user;

use std::ffi::OsString;
use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use crate::config::{Command, ConfigCommand, Invocation, LogSettings, Refusal};

/// It failed; of `doctor`: something is to be mended.
const FAILED: u8 = 1;
/// An argument or a setting cannot be used; `clap` exits so as well.
const UNUSABLE: u8 = 2;
/// The schema is not what this version needs.
const SCHEMA_DIFFERS: u8 = 3;

/// How a command ended: its exit code, or why it has none.
type Outcome = Result<u8, Failure>;

/// Why a command failed.
enum Failure {
    Settings(anyhow::Error),
    Work(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Work(error.into())
    }
}

/// Does what a command line says.
#[must_use]
pub fn run(typed: impl IntoIterator<Item = OsString>) -> ExitCode {
    let outcome = match Invocation::read(typed) {
        Ok(invocation) => dispatch(&invocation),
        Err(Refusal::Setting(error)) => Err(Failure::Settings(error)),
        Err(Refusal::Grammar(error)) => {
            // Help that was asked for is no failure. A closed terminal is none either.
            let _ = error.print();
            Ok(if error.use_stderr() { UNUSABLE } else { 0 })
        }
    };
    ExitCode::from(match outcome {
        Ok(code) => code,
        Err(Failure::Settings(error)) => complain(&error, UNUSABLE),
        Err(Failure::Work(error)) => complain(&error, FAILED),
    })
}

fn dispatch(invocation: &Invocation) -> Outcome {
    match &invocation.command {
        Command::Serve => return serve(invocation),
        Command::Config(what) => return config(invocation, *what),
        Command::Openapi => {
            say(api::document().to_pretty_json()?);
            return Ok(0);
        }
        _ => {}
    }
    let settings = invocation.settings_for_tools().map_err(Failure::Settings)?;
    // What a command has to say is its output; the log is for what goes wrong.
    let logging = LogSettings { filter: "warn".to_owned(), format: settings.logging.format };
    crate::logging::start(&logging).map_err(Failure::Settings)?;
    match &invocation.command {
        Command::Migrate { check: true } => migrate::check(&settings),
        Command::Migrate { check: false } => migrate::run(&settings),
        Command::Doctor => doctor::run(&settings),
        Command::User(what) => user::run(&settings, what),
        Command::Backup { file } => backup::run(&settings, file),
        Command::Restore { file } => restore::run(&settings, file),
        Command::Serve | Command::Config(_) | Command::Openapi => Ok(0),
    }
}

fn serve(invocation: &Invocation) -> Outcome {
    let settings = invocation.settings().map_err(Failure::Settings)?;
    crate::logging::start(&settings.logging).map_err(Failure::Settings)?;
    crate::run::run(&settings)?;
    Ok(0)
}

fn config(invocation: &Invocation, what: ConfigCommand) -> Outcome {
    match what {
        ConfigCommand::Print => say(invocation.listing().trim_end()),
        ConfigCommand::Check => {
            let settings = invocation.settings().map_err(Failure::Settings)?;
            crate::logging::check(&settings.logging).map_err(Failure::Settings)?;
            say("the settings can be used");
        }
    }
    Ok(0)
}

/// Prints a line. Whoever reads it may have gone away; then nobody wants it.
fn say(line: impl Display) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn complain(error: &anyhow::Error, code: u8) -> u8 {
    // Nothing is left to be done when even this cannot be written.
    let _ = writeln!(std::io::stderr(), "hongyan: {error:#}");
    code
}
