//! The commands of the binary.

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

use crate::config::{self, Command, ConfigCommand, InvalidInvocation, Invocation, LogSettings};

/// CommandError; of `doctor`: something needs repair.
const FAILED: u8 = 1;
/// Unusable argument or setting; the exit code of `clap`, too.
const UNUSABLE: u8 = 2;
/// The schema is not the one of this version.
const SCHEMA_DIFFERS: u8 = 3;

/// The exit code of a command, or its error.
type CommandResult = Result<u8, CommandError>;

/// Why a command failed. The kind decides the exit code.
enum CommandError {
    Settings(anyhow::Error),
    Work(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for CommandError {
    fn from(error: E) -> Self {
        Self::Work(error.into())
    }
}

/// Runs a command line and returns the exit code.
#[must_use]
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let result = match Invocation::parse(arguments) {
        Ok(invocation) => dispatch(&invocation),
        Err(InvalidInvocation::Setting(error)) => Err(CommandError::Settings(error)),
        Err(InvalidInvocation::Grammar(error)) => {
            // Requested help is a success. A closed terminal is not a failure either.
            let _ = error.print();
            Ok(if error.use_stderr() { UNUSABLE } else { 0 })
        }
    };
    ExitCode::from(match result {
        Ok(code) => code,
        Err(CommandError::Settings(error)) => fail(&error, UNUSABLE),
        Err(CommandError::Work(error)) => fail(&error, FAILED),
    })
}

fn dispatch(invocation: &Invocation) -> CommandResult {
    match &invocation.command {
        Command::Serve => return serve(invocation),
        Command::Config(command) => return inspect_config(invocation, *command),
        Command::Openapi => {
            print(api::document().to_pretty_json()?);
            return Ok(0);
        }
        _ => {}
    }
    let settings = invocation.settings_for_tools().map_err(CommandError::Settings)?;
    // The output of a command goes to standard output; only warnings are logged.
    let logging = LogSettings { filter: "warn".to_owned(), format: settings.logging.format };
    crate::observability::logging::start(&logging).map_err(CommandError::Settings)?;
    match &invocation.command {
        Command::Migrate { check: true } => migrate::check(&settings),
        Command::Migrate { check: false } => migrate::run(&settings),
        Command::Doctor => doctor::run(&settings),
        Command::User(command) => user::run(&settings, command),
        Command::Backup { file } => backup::run(&settings, file),
        Command::Restore { file } => restore::run(&settings, file),
        Command::Serve | Command::Config(_) | Command::Openapi => Ok(0),
    }
}

fn serve(invocation: &Invocation) -> CommandResult {
    let settings = invocation.settings().map_err(CommandError::Settings)?;
    crate::observability::logging::start(&settings.logging).map_err(CommandError::Settings)?;
    crate::run::run(&settings)?;
    Ok(0)
}

fn inspect_config(invocation: &Invocation, command: ConfigCommand) -> CommandResult {
    match command {
        ConfigCommand::Print { markdown: true, .. } => print(config::settings_table().trim_end()),
        ConfigCommand::Print { env: true, .. } => print(config::environment_file().trim_end()),
        ConfigCommand::Print { .. } => print(invocation.listing().trim_end()),
        ConfigCommand::Check => {
            let settings = invocation.settings().map_err(CommandError::Settings)?;
            crate::observability::logging::check(&settings.logging).map_err(CommandError::Settings)?;
            print("the settings are valid");
        }
    }
    Ok(0)
}

/// Prints a line to standard output. A reader that has closed the pipe is not an error.
fn print(line: impl Display) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Prints an error and returns the exit code.
fn fail(error: &anyhow::Error, code: u8) -> u8 {
    // Nothing can be done if even this cannot be written.
    let _ = writeln!(std::io::stderr(), "hongyan: {error:#}");
    code
}
