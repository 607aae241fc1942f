//! The origin of each setting's value.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue};
use clap::parser::{RawValues, ValueSource};
use clap::{Arg, ArgMatches};

use super::Options;

/// The source of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// This flag of the command line.
    Flag(String),
    /// This environment variable.
    Environment(String),
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
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Default => f.write_str("default"),
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

impl Origins {
    /// Looks at the command line and the environment first, then at the file.
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
            Origin::Default => anyhow::anyhow!("{text}"),
            origin => anyhow::anyhow!("{name} ({origin}){rest}"),
        }
    }
}

/// A setting in a file.
#[derive(Debug, Clone)]
pub(super) struct FileValue {
    /// The number of its line, from 1.
    pub(super) line: usize,
    /// The value in the notation of a flag.
    pub(super) value: String,
}

fn typed(values: RawValues<'_>, delimiter: Option<char>) -> String {
    let values: Vec<_> = values.map(|value| value.to_string_lossy()).collect();
    values.join(&delimiter.unwrap_or(' ').to_string())
}

/// The default of a setting, as a value or in words.
pub(super) fn default_of(argument: &Arg) -> String {
    let documented = Options::documented(argument.get_id().as_str());
    documented.map_or_else(|| "none".to_owned(), |documented| documented.default)
}

/// The environment variable of a setting.
pub(super) fn environment_name(argument: &Arg) -> Option<String> {
    argument.get_env().map(|name| name.to_string_lossy().into_owned())
}

/// What is wrong with a value and what is valid, in one line.
pub(super) fn reason(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let mut lines = text.lines().map(str::trim).take_while(|line| !line.starts_with("For more information"));
    let mut reason = lines.next().unwrap_or_default().trim_start_matches("error: ").to_owned();
    for line in lines.filter(|line| !line.is_empty()) {
        reason.push_str("; ");
        reason.push_str(line);
    }
    reason
}

/// The environment variable that holds the invalid value of a parser error, unless a flag holds it.
pub(super) fn invalid_variable(
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
