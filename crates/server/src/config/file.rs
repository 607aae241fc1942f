//! The settings file. Its keys are parsed as flags, so a value has the same meaning and bounds in every source.

use std::collections::HashMap;
use std::path::Path;

use anyhow::Context;
use clap::{Arg, Args};
use toml::{Spanned, Value};

use super::{Options, reader, spelling};

/// The settings in a file.
#[derive(Debug, Default)]
pub(super) struct SettingsFile {
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
        let grammar = grammar();
        let mut values = HashMap::new();
        for (key, value) in settings {
            let line = line_of(key.span().start);
            let invalid = |reason| FileError { line, reason };
            let key = key.into_inner();
            let argument = argument_of(&grammar, &key).map_err(invalid)?;
            let value = plain(value).ok_or_else(|| invalid(format!("{key} must be a string or a number")))?;
            let Some(value) = reader::normalised(argument, &value) else { continue };
            reader::check(argument, &value).map_err(|reason| invalid(format!("{key}: {reason}")))?;
            values.insert(key, FileValue { line, value });
        }
        Ok(Self { values })
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

/// An invalid line of a file.
#[derive(Debug)]
struct FileError {
    line: usize,
    reason: String,
}

fn grammar() -> clap::Command {
    Options::augment_args(clap::Command::new("file"))
}

/// The setting that a key stands for.
fn argument_of<'a>(grammar: &'a clap::Command, key: &str) -> Result<&'a Arg, String> {
    if let Some(argument) = grammar.get_arguments().find(|argument| argument.get_id().as_str() == key) {
        return Ok(argument);
    }
    let mut keys: Vec<_> = grammar.get_arguments().map(|argument| argument.get_id().as_str()).collect();
    keys.sort_unstable();
    let nearest = spelling::nearest(key, keys.iter().copied());
    let nearest = nearest.map_or_else(String::new, |nearest| format!("; did you mean {nearest}?"));
    Err(format!("unknown key {key:?}; valid keys: {}{nearest}", keys.join(", ")))
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
        let grammar = grammar();
        let given = file.values.iter();
        let given = given.map(|(key, found)| (argument_of(&grammar, key).unwrap(), found.value.as_str()));
        let options = reader::options(given).unwrap();
        assert_eq!(options.bind.unwrap().port(), 1);
        assert_eq!(options.bcrypt_cost, Some(5));
        assert_eq!(options.cors_origins.unwrap(), ["https://a.example", "https://b.example"]);
        assert_eq!(options.jwt_secret.unwrap().expose_secret(), "==");
        let line = |key: &str| file.values[key].line;
        assert_eq!((line("bind"), line("cors_origins"), line("bcrypt_cost")), (2, 4, 6));
    }

    #[test]
    fn an_error_names_the_line_and_the_valid_values() {
        let (line, reason) = error_of("\nbnid = 'x'");
        assert!(line == 2 && reason.contains("\"bnid\"") && reason.contains("bind,"), "{line} {reason}");
        assert!(reason.ends_with("; did you mean bind?"), "{reason}");
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
