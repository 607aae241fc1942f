//! A command line with everything that it means: the command, what was given, and where.

use std::ffi::OsString;

use clap::FromArgMatches;

use super::file::SettingsFile;
use super::{Cli, Command, Options, Origins, Settings, cli, listing, origin};

/// What was asked for, and with which settings.
#[derive(Debug)]
pub struct Invocation {
    /// What is to be done.
    pub command: Command,
    options: Options,
    origins: Origins,
}

/// Why a command line cannot be followed.
#[derive(Debug)]
pub enum Refusal {
    /// Help or the version was asked for, or the grammar was not kept; it knows how to be shown.
    Grammar(clap::Error),
    /// A setting cannot be used.
    Setting(anyhow::Error),
}

impl Invocation {
    /// Reads a command line, whose first word is the program's name, the environment and the file.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn read(typed: impl IntoIterator<Item = OsString>) -> Result<Self, Refusal> {
        let typed: Vec<OsString> = typed.into_iter().collect();
        let grammar = cli::grammar();
        let matches =
            grammar.clone().try_get_matches_from(&typed).map_err(
                |error| match origin::environment_to_blame(&grammar, &error, &typed) {
                    Some(name) => {
                        Refusal::Setting(anyhow::anyhow!("{name} (environment): {}", origin::reason(&error)))
                    }
                    None => Refusal::Grammar(error),
                },
            )?;
        let cli = Cli::from_arg_matches(&matches).map_err(Refusal::Grammar)?;
        let file = cli.config.as_deref().map(SettingsFile::read).transpose().map_err(Refusal::Setting)?;
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
    /// Names the setting that cannot be used, where it came from and what it may be.
    pub fn settings(&self) -> anyhow::Result<Settings> {
        Settings::from_options(self.options.clone()).map_err(|error| self.origins.blame(&error))
    }

    /// The settings of a command that signs no tokens.
    ///
    /// # Errors
    /// Names the setting that cannot be used, where it came from and what it may be.
    pub fn settings_for_tools(&self) -> anyhow::Result<Settings> {
        Settings::for_tools(self.options.clone()).map_err(|error| self.origins.blame(&error))
    }

    /// Every setting with its value, secrets masked, and where that comes from; a line each.
    #[must_use]
    pub fn listing(&self) -> String {
        listing::print(&self.origins)
    }
}
