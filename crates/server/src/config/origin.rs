//! Where each setting's value comes from.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue};
use clap::parser::{RawValues, ValueSource};
use clap::{Arg, ArgMatches};

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The command line, by this flag.
    Flag(String),
    /// This environment variable.
    Environment(String),
    /// This line of this file.
    File(PathBuf, usize),
    /// It was given nowhere.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "flag --{flag}"),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// One setting, as it was given.
#[derive(Debug)]
pub(super) struct Given {
    /// Its environment variable.
    pub(super) name: String,
    /// As it was typed; none for the default.
    pub(super) value: Option<String>,
    /// Where it comes from.
    pub(super) origin: Origin,
    /// What it is when it is given nowhere, in words.
    pub(super) default: String,
    /// Whether the value must not be shown.
    pub(super) secret: bool,
}

/// Where every setting comes from.
#[derive(Debug, Default)]
pub struct Origins(pub(super) Vec<Given>);

impl Origins {
    /// Asks the command line and the environment first, then the file.
    pub(super) fn of<'a>(
        arguments: impl Iterator<Item = &'a Arg>,
        matches: &ArgMatches,
        file: Option<(PathBuf, HashMap<String, FileValue>)>,
    ) -> Self {
        let (path, in_file) = file.unwrap_or_default();
        let given = arguments.filter_map(|argument| {
            let (id, name) = (argument.get_id().as_str(), environment_name(argument)?);
            let typed = || Some(typed(matches.get_raw(id)?, argument.get_value_delimiter()));
            let (origin, value) = match (matches.value_source(id), in_file.get(id)) {
                (Some(ValueSource::CommandLine), _) => {
                    (Origin::Flag(argument.get_long()?.to_owned()), typed())
                }
                (Some(ValueSource::EnvVariable), _) => (Origin::Environment(name.clone()), typed()),
                (_, Some(found)) => (Origin::File(path.clone(), found.line), Some(found.value.clone())),
                (_, None) => (Origin::Default, None),
            };
            let secret = argument.is_hide_env_values_set();
            Some(Given { name, value, origin, default: default_of(argument), secret })
        });
        Self(given.collect())
    }

    /// Where the setting with this environment variable comes from.
    #[must_use]
    pub fn of_setting(&self, name: &str) -> &Origin {
        self.0.iter().find(|given| given.name == name).map_or(&Origin::Default, |given| &given.origin)
    }

    /// Adds to a refusal, which begins with the setting's name, where the value came from.
    pub(super) fn blame(&self, error: &anyhow::Error) -> anyhow::Error {
        let text = format!("{error:#}");
        let (name, rest) = text.split_at(text.find([' ', ':']).unwrap_or(text.len()));
        match self.of_setting(name) {
            Origin::Default => anyhow::anyhow!("{text}"),
            origin => anyhow::anyhow!("{name} ({origin}){rest}"),
        }
    }
}

/// A setting as a file gives it.
#[derive(Debug, Clone)]
pub(super) struct FileValue {
    /// Where it stands, from 1.
    pub(super) line: usize,
    /// As it would be typed.
    pub(super) value: String,
}

fn typed(values: RawValues<'_>, delimiter: Option<char>) -> String {
    let values: Vec<_> = values.map(|value| value.to_string_lossy()).collect();
    values.join(&delimiter.unwrap_or(' ').to_string())
}

/// What the help says that a setting is when it is given nowhere.
pub(super) fn default_of(argument: &Arg) -> String {
    let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
    let default = help.split_once("[default: ").and_then(|(_, rest)| rest.split_once(']'));
    default.map_or("not set", |(default, _)| default).to_owned()
}

/// The environment variable of a setting.
pub(super) fn environment_name(argument: &Arg) -> Option<String> {
    argument.get_env().map(|name| name.to_string_lossy().into_owned())
}

/// What is wrong with a value and what it may be, in one line.
pub(super) fn reason(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let mut lines = text.lines().map(str::trim).take_while(|line| !line.starts_with("For more information"));
    let mut said = lines.next().unwrap_or_default().trim_start_matches("error: ").to_owned();
    for line in lines.filter(|line| !line.is_empty()) {
        said.push_str("; ");
        said.push_str(line);
    }
    said
}

/// Names the environment variable that the command line's parser read a wrong value from, if that is where it was.
pub(super) fn environment_to_blame(
    grammar: &clap::Command,
    error: &clap::Error,
    typed: &[OsString],
) -> Option<String> {
    let Some(ContextValue::String(shown)) = error.get(ContextKind::InvalidArg) else { return None };
    let flag = shown.split([' ', '=']).next()?;
    let was_typed = typed.iter().any(|argument| {
        let argument = argument.to_string_lossy();
        argument.split('=').next() == Some(flag)
    });
    let argument = grammar.get_arguments().find(|argument| argument.get_long() == flag.strip_prefix("--"))?;
    if was_typed { None } else { environment_name(argument) }
}
