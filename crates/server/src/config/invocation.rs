//! A parsed command line: the command and the merged settings with their origins.

use std::ffi::OsString;

use clap::FromArgMatches;

use super::file::SettingsFile;
use super::{Cli, Command, Options, Origins, Settings, cli, listing, origin};

/// A command and its settings.
#[derive(Debug)]
pub struct Invocation {
    /// The command.
    pub command: Command,
    options: Options,
    origins: Origins,
}

/// Why a command line does not run.
#[derive(Debug)]
pub enum InvalidInvocation {
    /// A syntax error, or a request for the help or the version; `clap` prints it.
    Grammar(clap::Error),
    /// An invalid setting.
    Setting(anyhow::Error),
}

impl Invocation {
    /// Parses a command line, whose first word is the program's name, and reads the environment and the file.
    ///
    /// # Errors
    /// See [`InvalidInvocation`].
    pub fn parse(typed: impl IntoIterator<Item = OsString>) -> Result<Self, InvalidInvocation> {
        let typed: Vec<OsString> = typed.into_iter().collect();
        let grammar = cli::grammar();
        let matches = grammar.clone().try_get_matches_from(&typed).map_err(|error| {
            match origin::invalid_variable(&grammar, &error, &typed) {
                Some(name) => InvalidInvocation::Setting(anyhow::anyhow!(
                    "{name} (environment): {}",
                    origin::reason(&error)
                )),
                None => InvalidInvocation::Grammar(error),
            }
        })?;
        let cli = Cli::from_arg_matches(&matches).map_err(InvalidInvocation::Grammar)?;
        let file =
            cli.config.as_deref().map(SettingsFile::read).transpose().map_err(InvalidInvocation::Setting)?;
        let file = file.unwrap_or_default();
        let in_file = cli.config.map(|path| (path, file.values));
        Ok(Self {
            command: cli.command.unwrap_or(Command::Serve),
            origins: Origins::of(grammar.get_arguments(), &matches, in_file),
            options: cli.options.or(file.options),
        })
    }

    /// The settings of a server.
    ///
    /// # Errors
    /// Names the invalid setting, its origin and the valid values.
    pub fn settings(&self) -> anyhow::Result<Settings> {
        Settings::from_options(self.options.clone()).map_err(|error| self.origins.add_origin(&error))
    }

    /// The settings of a command that signs no tokens.
    ///
    /// # Errors
    /// Names the invalid setting, its origin and the valid values.
    pub fn settings_for_tools(&self) -> anyhow::Result<Settings> {
        Settings::for_tools(self.options.clone()).map_err(|error| self.origins.add_origin(&error))
    }

    /// Every setting with its value and origin, one per line; secrets are masked.
    #[must_use]
    pub fn listing(&self) -> String {
        listing::print(&self.origins)
    }
}
