//! The origin of each setting's value.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;

use anyhow::{Context, anyhow, ensure};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches};

use super::file::SettingsFile;
use super::reader::{default_of, environment_name};
use super::{Options, reader};

/// The source of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// This flag of the command line.
    Flag(String),
    /// This environment variable.
    Environment(String),
    /// This file of a secret, which a variable with `_FILE` names.
    SecretFile(PathBuf),
    /// This line of this file.
    File(PathBuf, usize),
    /// No source gives it.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "flag --{flag}"),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::SecretFile(path) => write!(f, "file {}", path.display()),
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

impl Origin {
    /// The setting's name with its origin, as an error begins.
    fn of_error(&self, name: &str) -> String {
        match self {
            Self::Environment(_) => format!("{name} (environment)"),
            origin => format!("{name} ({origin})"),
        }
    }
}

/// One setting as it was given.
#[derive(Debug)]
pub(super) struct Given {
    /// Its environment variable.
    pub(super) name: String,
    /// The text that was given; `None` for the default.
    pub(super) value: Option<String>,
    /// The source of the value.
    pub(super) origin: Origin,
    /// The default, as a value or in words.
    pub(super) default: String,
    /// Whether the value must be masked.
    pub(super) secret: bool,
}

/// The origins of all settings.
#[derive(Debug, Default)]
pub struct Origins(pub(super) Vec<Given>);

/// Where settings are given, in the order of precedence.
pub(super) struct Sources {
    pub(super) matches: ArgMatches,
    pub(super) environment: Environment,
    pub(super) file: Option<(PathBuf, SettingsFile)>,
}

/// A copy of the process's environment.
#[derive(Debug, Default)]
pub(super) struct Environment(pub(super) BTreeMap<String, OsString>);

impl Environment {
    /// The variables whose names are text; others are none of ours.
    pub(super) fn of_process() -> Self {
        Self(
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect(),
        )
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The text of a variable; `None` if it is not set or blank.
    fn text(&self, name: &str) -> anyhow::Result<Option<&str>> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        let text = value.to_str().with_context(|| format!("{name} (environment): must be UTF-8"))?;
        Ok(Some(text).filter(|text| !text.trim().is_empty()))
    }
}

/// A text of a setting, not yet parsed.
type OriginalText = (Origin, String);

impl Sources {
    /// The texts that the sources give for a setting.
    fn texts(&self, argument: &Arg, name: &str) -> anyhow::Result<Vec<OriginalText>> {
        let in_file = self.file.as_ref().and_then(|(path, file)| {
            let found = file.values.get(argument.get_id().as_str())?;
            Some((Origin::File(path.clone(), found.line), found.value.clone()))
        });
        let given = [self.typed(argument, name)?, self.in_environment(argument, name)?, in_file];
        Ok(given.into_iter().flatten().collect())
    }

    fn typed(&self, argument: &Arg, name: &str) -> anyhow::Result<Option<OriginalText>> {
        let id = argument.get_id().as_str();
        if self.matches.value_source(id) != Some(ValueSource::CommandLine) {
            return Ok(None);
        }
        let flag = argument.get_long().unwrap_or_default();
        let values = self.matches.get_raw(id).into_iter().flatten();
        let values: Option<Vec<&str>> = values.map(OsStr::to_str).collect();
        let values = values.with_context(|| format!("{name} (flag --{flag}): must be UTF-8"))?;
        let separator = argument.get_value_delimiter().unwrap_or(' ').to_string();
        Ok(Some((Origin::Flag(flag.to_owned()), values.join(&separator))))
    }

    /// The variable itself, or for a secret the file that the variable with `_FILE` names.
    fn in_environment(&self, argument: &Arg, name: &str) -> anyhow::Result<Option<OriginalText>> {
        let text = self.environment.text(name)?;
        let given = text.map(|text| (Origin::Environment(name.to_owned()), text.to_owned()));
        let pointer = format!("{name}_FILE");
        if !argument.is_hide_env_values_set() {
            return Ok(given);
        }
        let Some(path) = self.environment.text(&pointer)?.map(str::trim) else { return Ok(given) };
        ensure!(given.is_none(), "{name} and {pointer} are both set (environment): unset one of them");
        let secret = std::fs::read_to_string(path)
            .with_context(|| format!("{pointer} (environment): {path} cannot be read"))?;
        ensure!(!secret.trim().is_empty(), "{pointer} (environment): {path} is empty");
        Ok(Some((Origin::SecretFile(path.into()), secret)))
    }
}

impl Origins {
    /// Reads settings from their sources. All texts are checked, also those that another source overrides.
    pub(super) fn of<'a>(
        arguments: impl IntoIterator<Item = &'a Arg>,
        sources: &Sources,
    ) -> anyhow::Result<Self> {
        let mut all = Vec::new();
        for argument in arguments {
            let Some(name) = environment_name(argument) else { continue };
            let mut first = None;
            for (origin, text) in sources.texts(argument, &name)? {
                let Some(text) = reader::normalised(argument, &text) else { continue };
                if argument.get_id() != "config" {
                    reader::check(argument, &text)
                        .map_err(|why| anyhow!("{}: {why}", origin.of_error(&name)))?;
                }
                first = first.or(Some((origin, text)));
            }
            let (origin, value) =
                first.map_or((Origin::Default, None), |(origin, text)| (origin, Some(text)));
            let secret = argument.is_hide_env_values_set();
            all.push(Given { name, value, origin, default: default_of(argument), secret });
        }
        Ok(Self(all))
    }

    /// The typed settings.
    pub(super) fn options(&self, grammar: &clap::Command) -> anyhow::Result<Options> {
        let given = self.0.iter().filter_map(|given| {
            let mut arguments = grammar.get_arguments();
            let argument =
                arguments.find(|argument| environment_name(argument).as_ref() == Some(&given.name))?;
            Some((argument, given.value.as_deref()?))
        });
        reader::options(given).map_err(anyhow::Error::msg)
    }

    /// These settings and others.
    pub(super) fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// The origin of the setting with this environment variable.
    #[must_use]
    pub fn of_setting(&self, name: &str) -> &Origin {
        self.0.iter().find(|given| given.name == name).map_or(&Origin::Default, |given| &given.origin)
    }

    /// Adds the origin to an error that begins with the setting's variable.
    pub(super) fn add_origin(&self, error: &anyhow::Error) -> anyhow::Error {
        let text = format!("{error:#}");
        let (name, rest) = text.split_at(text.find([' ', ':']).unwrap_or(text.len()));
        match self.of_setting(name) {
            Origin::Default => anyhow!("{text}"),
            origin => anyhow!("{}{rest}", origin.of_error(name)),
        }
    }
}
