//! The settings file. Its keys are parsed as flags, so a value has the same meaning and bounds in every source.

use std::collections::HashMap;
use std::path::Path;

use anyhow::Context;
use clap::{Args, FromArgMatches};
use toml::{Spanned, Value};

use super::Options;
use super::origin::{FileValue, reason};

/// The settings in a file.
#[derive(Debug, Default)]
pub(super) struct SettingsFile {
    pub(super) options: Options,
    /// The given settings by key.
    pub(super) values: HashMap<String, FileValue>,
}

impl SettingsFile {
    /// Reads a TOML file.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the settings in {}", path.display()))?;
        Self::parse(&text)
            .map_err(|error| anyhow::anyhow!("{}:{}: {}", path.display(), error.line, error.reason))
    }

    fn parse(text: &str) -> Result<Self, FileError> {
        let line_of = |offset: usize| text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1;
        // The error repeats only the parser's message: the line itself may hold a secret.
        let table: HashMap<Spanned<String>, Value> = toml::from_str(text).map_err(|error| FileError {
            line: line_of(error.span().map_or(0, |span| span.start)),
            reason: error.message().to_owned(),
        })?;
        // In the order of the lines, so that the first invalid one is reported.
        let mut settings: Vec<_> = table.into_iter().collect();
        settings.sort_by_key(|(key, _)| key.span().start);
        let (mut flags, mut values) = (vec![], HashMap::new());
        for (key, value) in settings {
            let line = line_of(key.span().start);
            let invalid = |reason| FileError { line, reason };
            let key = key.into_inner();
            let name = flag_of(&key).map_err(invalid)?;
            let value = plain(value).ok_or_else(|| invalid(format!("{key} must be a string or a number")))?;
            let flag = format!("--{name}={value}");
            read_flags(std::slice::from_ref(&flag)).map_err(|reason| invalid(format!("{key}: {reason}")))?;
            flags.push(flag);
            values.insert(key, FileValue { line, value });
        }
        let options = read_flags(&flags).map_err(|reason| FileError { line: 1, reason })?;
        Ok(Self { options, values })
    }
}

/// An invalid line of a file.
#[derive(Debug)]
struct FileError {
    line: usize,
    reason: String,
}

/// All settings as flags only, without the environment.
fn grammar() -> clap::Command {
    let command = clap::Command::new("file").no_binary_name(true).disable_help_flag(true);
    Options::augment_args(command).mut_args(|argument| argument.env(None::<&str>))
}

/// The flag that a key stands for.
fn flag_of(key: &str) -> Result<String, String> {
    let grammar = grammar();
    let known = grammar.get_arguments().find(|argument| argument.get_id().as_str() == key);
    if let Some(name) = known.and_then(|argument| argument.get_long()) {
        return Ok(name.to_owned());
    }
    let mut keys: Vec<_> = grammar.get_arguments().map(|argument| argument.get_id().as_str()).collect();
    keys.sort_unstable();
    Err(format!("unknown key {key:?}; valid keys: {}", keys.join(", ")))
}

/// The value in the notation of a flag.
fn plain(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Integer(number) => Some(number.to_string()),
        Value::Boolean(truth) => Some(truth.to_string()),
        Value::Array(values) => Some(values.into_iter().map(plain).collect::<Option<Vec<_>>>()?.join(",")),
        Value::Float(_) | Value::Datetime(_) | Value::Table(_) => None,
    }
}

fn read_flags(flags: &[String]) -> Result<Options, String> {
    let matches = grammar().try_get_matches_from(flags).and_then(|found| Options::from_arg_matches(&found));
    matches.map_err(|error| reason(&error))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn error_of(text: &str) -> (usize, String) {
        let error = SettingsFile::parse(text).unwrap_err();
        (error.line, error.reason)
    }

    #[test]
    fn keys_are_parsed_as_flags_with_their_lines() {
        let text =
            "# mine\nbind = '127.0.0.1:1'\n\ncors_origins = ['https://a.example', 'https://b.example']\n";
        let file = SettingsFile::parse(&format!("{text}jwt_secret = '=='\nbcrypt_cost = 5")).unwrap();
        assert_eq!(file.options.bind.unwrap().port(), 1);
        assert_eq!(file.options.bcrypt_cost, Some(5));
        assert_eq!(file.options.cors_origins.unwrap(), ["https://a.example", "https://b.example"]);
        assert_eq!(file.options.jwt_secret.unwrap().expose_secret(), "==");
        let line = |key: &str| file.values[key].line;
        assert_eq!((line("bind"), line("cors_origins"), line("bcrypt_cost")), (2, 4, 6));
    }

    #[test]
    fn an_error_names_the_line_and_the_valid_values() {
        let (line, reason) = error_of("\nbnid = 'x'");
        assert!(line == 2 && reason.contains("\"bnid\"") && reason.contains("bind,"), "{line} {reason}");
        let (line, reason) = error_of("bind = '127.0.0.1:1'\nbcrypt_cost = 32");
        assert!(line == 2 && reason.contains("bcrypt_cost") && reason.contains("4..=31"), "{line} {reason}");
        let (line, reason) = error_of("\n\nlog_format = 'xml'");
        assert!(line == 3 && reason.contains("text, json"), "{line} {reason}");
        assert_eq!(error_of("bcrypt_cost = 5.5"), (1, "bcrypt_cost must be a string or a number".to_owned()));
        assert_eq!(error_of("a = 1\n[table]\nx = 1").0, 1);
        assert_eq!(error_of("bind = '127.0.0.1:1'\nbind = '127.0.0.1:2'").0, 2);
    }

    #[test]
    fn an_error_never_repeats_a_secret() {
        for text in ["jwt_secret = canary", "jwt_secret = 'canary", "jwt_secret = ['canary', {a = 'canary'}]"]
        {
            let (line, reason) = error_of(text);
            assert!(line == 1 && !reason.contains("canary"), "{reason}");
        }
    }
}
