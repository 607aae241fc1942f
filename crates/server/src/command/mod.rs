//! The commands of the binary.

mod backup;
mod doctor;
mod help;
mod invite;
mod isolation;
mod migrate;
mod password;
mod programs;
mod progress;
mod report;
mod restore;
mod services;
mod table;
mod user;

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use clap::error::ErrorKind;

use self::report::{CommandError, CommandResult, FAILED, UNUSABLE, fail, print, print_json};
use crate::config::{
    self, Command, ConfigCommand, DatabaseSettings, InvalidInvocation, Invocation, LogSettings, Settings,
};
use crate::observability::audit::record_command;

/// Runs a command line and returns the exit code.
#[must_use]
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let result = match Invocation::parse(arguments.clone()) {
        Ok(invocation) => dispatch(&invocation),
        Err(InvalidInvocation::Setting(error)) => Err(CommandError::Settings(error)),
        Err(InvalidInvocation::Grammar(help)) if help.kind() == ErrorKind::DisplayHelp => {
            print(help::laid_out(&help.to_string(), &arguments).trim_end());
            Ok(0)
        }
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
        Command::Openapi { strict } => {
            let document = if *strict { api::strict_document() } else { api::document() };
            print(document.to_pretty_json()?);
            return Ok(0);
        }
        Command::Completions { shell } => {
            // A reader that has closed the pipe is not an error.
            let _ = std::io::stdout().write_all(&config::completions(*shell));
            return Ok(0);
        }
        _ => {}
    }
    let settings = invocation.settings_for_tools().map_err(CommandError::Settings)?;
    let logging = LogSettings { filter: filter_for_tools(&settings), format: settings.logging.format };
    crate::observability::logging::start(&logging).map_err(CommandError::Settings)?;
    isolation::isolate(&settings)?;
    if !matches!(invocation.command, Command::Doctor { .. }) {
        warn(invocation);
    }
    match &invocation.command {
        Command::Migrate { check: true, json } => migrate::check(&settings, *json),
        Command::Migrate { check: false, .. } => audited("migrate", migrate::run(&settings)),
        Command::Doctor { json } => doctor::run(&settings, invocation, *json),
        Command::User(command) => user::run(&settings, command),
        Command::Invite(command) => invite::run(&settings, command),
        Command::Backup { file } => audited("backup", backup::run(&settings, file)),
        Command::Restore { file } => audited("restore", restore::run(&settings, file)),
        Command::Serve | Command::Config(_) | Command::Openapi { .. } | Command::Completions { .. } => Ok(0),
    }
}

/// The log filter of a command. Its output goes to standard output; only warnings and audit records are logged, the latter as
/// `HONGYAN_LOG` says. When a command stops the embedded cluster at its end, spare connections are lost: that is no warning.
fn filter_for_tools(settings: &Settings) -> String {
    let audit = settings.logging.filter.split(',').filter(|directive| directive.trim().starts_with("audit"));
    let is_embedded = matches!(settings.database, DatabaseSettings::Embedded);
    let pool = is_embedded.then_some("infra::db::pool=off");
    ["warn", "audit=info"].into_iter().chain(pool).chain(audit).collect::<Vec<_>>().join(",")
}

/// Records a command that changes or copies data. Commands on an account record themselves.
fn audited(name: &'static str, result: CommandResult) -> CommandResult {
    if result.is_ok() {
        record_command(name, None);
    }
    result
}

fn serve(invocation: &Invocation) -> CommandResult {
    let settings = invocation.settings().map_err(CommandError::Settings)?;
    crate::observability::logging::start(&settings.logging).map_err(CommandError::Settings)?;
    isolation::isolate(&settings)?;
    warn(invocation);
    crate::run::run(&settings)?;
    Ok(0)
}

/// Warns about variables that a typing error may have kept from being settings.
fn warn(invocation: &Invocation) {
    for warning in invocation.warnings() {
        tracing::warn!(kind = warning.split(' ').next(), "{warning}");
    }
}

fn inspect_config(invocation: &Invocation, command: ConfigCommand) -> CommandResult {
    match command {
        ConfigCommand::Print { markdown: true, .. } => print(config::settings_table().trim_end()),
        ConfigCommand::Print { env: true, .. } => print(config::environment_file().trim_end()),
        ConfigCommand::Print { json: true, .. } => print_json(&invocation.listing_as_json()),
        ConfigCommand::Print { .. } => print(invocation.listing().trim_end()),
        ConfigCommand::Check => {
            invocation.settings().map_err(CommandError::Settings)?;
            for warning in invocation.warnings() {
                print(format_args!("warning: {warning}"));
            }
            print("the settings are valid");
        }
    }
    Ok(0)
}
