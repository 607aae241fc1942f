//! A parsed command line: the command and the merged settings with their origins.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{ArgMatches, CommandFactory, FromArgMatches};

use super::file::SettingsFile;
use super::origin::{Environment, Origin, Sources};
use super::{Cli, Command, Options, Origins, Settings, cli, listing, spelling};

/// A command and its settings.
#[derive(Debug)]
pub struct Invocation {
    /// The command.
    pub command: Command,
    pub(super) options: Options,
    pub(super) origins: Origins,
    warnings: Vec<String>,
    settings_file: Option<PathBuf>,
}

/// Why a command line does not run.
#[derive(Debug)]
pub enum InvalidInvocation {
    /// A syntax error, or a request for the help or the version; `clap` prints it.
    Grammar(clap::Error),
    /// An invalid setting.
    Setting(anyhow::Error),
}

impl From<anyhow::Error> for InvalidInvocation {
    fn from(error: anyhow::Error) -> Self {
        Self::Setting(error)
    }
}

impl Invocation {
    /// Parses a command line, whose first word is the program's name, and reads the environment and the file.
    ///
    /// # Errors
    /// See [`InvalidInvocation`].
    pub fn parse(typed: impl IntoIterator<Item = OsString>) -> Result<Self, InvalidInvocation> {
        Self::parse_in(Environment::of_process(), typed)
    }

    /// As [`Self::parse`], in a given environment.
    pub(super) fn parse_in(
        environment: Environment,
        typed: impl IntoIterator<Item = OsString>,
    ) -> Result<Self, InvalidInvocation> {
        let matches = cli::grammar().try_get_matches_from(typed).map_err(InvalidInvocation::Grammar)?;
        let command = command(&matches).map_err(InvalidInvocation::Grammar)?;
        let grammar = Cli::command();
        let warnings = spelling::unknown_variables(environment.names(), &grammar);
        let mut sources = Sources { matches, environment, file: None };
        let (settings, config): (Vec<_>, Vec<_>) =
            grammar.get_arguments().partition(|argument| argument.get_id() != "config");
        let config = Origins::of(config, &sources)?;
        if let Some(path) = config.0.first().and_then(|given| given.value.as_deref()) {
            sources.file = Some((path.into(), SettingsFile::read(Path::new(path))?));
        }
        let origins = Origins::of(settings, &sources)?;
        let has_secret = |file: &SettingsFile| {
            let mut secrets = grammar.get_arguments().filter(|argument| argument.is_hide_env_values_set());
            secrets.any(|secret| file.values.contains_key(secret.get_id().as_str()))
        };
        let settings_file = sources.file.filter(|(_, file)| has_secret(file)).map(|(path, _)| path);
        let options = origins.options(&grammar)?;
        Ok(Self { command, options, origins: config.and(origins), warnings, settings_file })
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

    /// Names of environment variables that look like settings and are none, with what may be meant.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The files that hold secrets: the settings file if one is in it, and those that variables with `_FILE` name.
    #[must_use]
    pub fn files_with_secrets(&self) -> Vec<PathBuf> {
        let pointed_to = self.origins.0.iter().filter_map(|given| match &given.origin {
            Origin::SecretFile(path) => Some(path.clone()),
            _ => None,
        });
        self.settings_file.clone().into_iter().chain(pointed_to).collect()
    }

    /// Every setting with its value and origin; secrets are masked.
    #[must_use]
    pub fn listing_as_json(&self) -> serde_json::Value {
        listing::json(&self.origins)
    }

    /// As [`Self::listing_as_json`], one per line.
    #[must_use]
    pub fn listing(&self) -> String {
        listing::print(&self.origins)
    }
}

fn command(matches: &ArgMatches) -> Result<Command, clap::Error> {
    match matches.subcommand_name() {
        None => Ok(Command::Serve),
        Some(_) => Command::from_arg_matches(matches),
    }
}
