//! The file with settings. It is read as if its keys were flags, so that a value means the same and has the same bounds
//! wherever it is given.

use std::collections::HashMap;
use std::path::Path;

use anyhow::Context;
use clap::{Args, FromArgMatches};
use toml::{Spanned, Value};

use super::Options;
use super::origin::{FileValue, reason};

/// What a file gives.
#[derive(Debug, Default)]
pub(super) struct SettingsFile {
    pub(super) options: Options,
    /// The settings that it names, by their keys.
    pub(super) values: HashMap<String, FileValue>,
}

impl SettingsFile {
    /// Reads a TOML file.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("the settings in {} cannot be read", path.display()))?;
        Self::parse(&text)
            .map_err(|wrong| anyhow::anyhow!("{}:{}: {}", path.display(), wrong.line, wrong.why))
    }

    fn parse(text: &str) -> Result<Self, Wrong> {
        let line_of = |offset: usize| text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1;
        // Only the message is told: the line itself may hold a secret.
        let table: HashMap<Spanned<String>, Value> = toml::from_str(text).map_err(|error| Wrong {
            line: line_of(error.span().map_or(0, |span| span.start)),
            why: error.message().to_owned(),
        })?;
        // In the order of the lines, so that the first that is wrong is told.
        let mut settings: Vec<_> = table.into_iter().collect();
        settings.sort_by_key(|(key, _)| key.span().start);
        let (mut flags, mut values) = (vec![], HashMap::new());
        for (key, value) in settings {
            let line = line_of(key.span().start);
            let wrong = |why| Wrong { line, why };
            let key = key.into_inner();
            let name = flag_of(&key).map_err(wrong)?;
            let value = plain(value).ok_or_else(|| wrong(format!("{key} must be a text or a number")))?;
            let flag = format!("--{name}={value}");
            read_flags(std::slice::from_ref(&flag)).map_err(|why| wrong(format!("{key}: {why}")))?;
            flags.push(flag);
            values.insert(key, FileValue { line, value });
        }
        let options = read_flags(&flags).map_err(|why| Wrong { line: 1, why })?;
        Ok(Self { options, values })
    }
}

/// What is wrong with a file.
#[derive(Debug)]
struct Wrong {
    line: usize,
    why: String,
}

/// All settings as flags alone, without the environment.
fn grammar() -> clap::Command {
    let command = clap::Command::new("file").no_binary_name(true).disable_help_flag(true);
    Options::augment_args(command).mut_args(|argument| argument.env(None::<&str>))
}

/// The flag of a key.
fn flag_of(key: &str) -> Result<String, String> {
    let grammar = grammar();
    let known = grammar.get_arguments().find(|argument| argument.get_id().as_str() == key);
    if let Some(name) = known.and_then(|argument| argument.get_long()) {
        return Ok(name.to_owned());
    }
    let mut keys: Vec<_> = grammar.get_arguments().map(|argument| argument.get_id().as_str()).collect();
    keys.sort_unstable();
    Err(format!("unknown key {key:?}; there are {}", keys.join(", ")))
}

/// The value as it would be typed.
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

    fn refusal(text: &str) -> (usize, String) {
        let wrong = SettingsFile::parse(text).unwrap_err();
        (wrong.line, wrong.why)
    }

    #[test]
    fn keys_are_flags_and_their_lines_are_known() {
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
    fn what_cannot_be_used_is_told_with_its_line_and_what_it_may_be() {
        let (line, why) = refusal("\nbnid = 'x'");
        assert!(line == 2 && why.contains("\"bnid\"") && why.contains("bind,"), "{line} {why}");
        let (line, why) = refusal("bind = '127.0.0.1:1'\nbcrypt_cost = 32");
        assert!(line == 2 && why.contains("bcrypt_cost") && why.contains("4..=31"), "{line} {why}");
        let (line, why) = refusal("\n\nlog_format = 'xml'");
        assert!(line == 3 && why.contains("text, json"), "{line} {why}");
        assert_eq!(refusal("bcrypt_cost = 5.5"), (1, "bcrypt_cost must be a text or a number".to_owned()));
        assert_eq!(refusal("a = 1\n[table]\nx = 1").0, 1);
        assert_eq!(refusal("bind = '127.0.0.1:1'\nbind = '127.0.0.1:2'").0, 2);
    }

    #[test]
    fn a_secret_in_a_broken_line_is_not_told() {
        for text in ["jwt_secret = canary", "jwt_secret = 'canary", "jwt_secret = ['canary', {a = 'canary'}]"]
        {
            let (line, why) = refusal(text);
            assert!(line == 1 && !why.contains("canary"), "{why}");
        }
    }
}
