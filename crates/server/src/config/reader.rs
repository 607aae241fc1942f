//! The one reader of settings. Flags, environment variables, files of secrets and the settings file give texts; each text is
//! trimmed, an empty one is not given, items of lists are trimmed too, and one grammar parses them all.

use clap::builder::OsStringValueParser;
use clap::error::ErrorKind;
use clap::{Arg, Args, FromArgMatches};

use super::Options;

/// The text of a setting as it is parsed and shown; `None` if nothing is given.
pub(super) fn normalised(argument: &Arg, text: &str) -> Option<String> {
    let text = match argument.get_value_delimiter() {
        None => text.trim().to_owned(),
        Some(delimiter) => {
            let items = text.split(delimiter).map(str::trim).filter(|item| !item.is_empty());
            items.collect::<Vec<_>>().join(&delimiter.to_string())
        }
    };
    (!text.is_empty()).then_some(text)
}

/// Checks the text of one setting. An error says what is wrong with it and what is allowed, and repeats no secret.
pub(super) fn check(argument: &Arg, text: &str) -> Result<(), String> {
    let Err(error) = parse(&[as_flag(argument, text)]) else { return Ok(()) };
    if argument.is_hide_env_values_set() {
        return Err("not valid".to_owned());
    }
    let reason = reason(&error);
    let is_complete = error.kind() == ErrorKind::InvalidValue || reason.contains(OUT_OF_RANGE);
    Err(if is_complete { reason } else { format!("{reason}; {}", allowed(argument)) })
}

/// All settings from their texts, which were checked before.
pub(super) fn options<'a>(texts: impl Iterator<Item = (&'a Arg, &'a str)>) -> Result<Options, String> {
    let flags: Vec<String> = texts.map(|(argument, text)| as_flag(argument, text)).collect();
    parse(&flags).map_err(|error| reason(&error))
}

/// The settings as arguments whose texts are taken as they are, for a command line. Their environment variables are read
/// by [`super::Origins`].
pub(super) fn untyped(argument: Arg) -> Arg {
    argument.env(None::<&str>).value_parser(OsStringValueParser::new()).value_delimiter(None)
}

/// How `clap` reports a number out of its range.
const OUT_OF_RANGE: &str = " is not in ";

/// What a setting can be: the range of a number, or an example.
fn allowed(argument: &Arg) -> String {
    // No setting's range includes the largest number, so that its refusal names the range.
    let refusal = parse(&[as_flag(argument, &i64::MAX.to_string())]).err().map(|error| reason(&error));
    if let Some((_, range)) = refusal.as_deref().and_then(|refusal| refusal.split_once(OUT_OF_RANGE)) {
        return format!("it must be a whole number in {range}");
    }
    let documented = Options::documented(argument.get_id().as_str());
    documented.map_or_else(String::new, |documented| format!("for example {}", documented.example))
}

fn as_flag(argument: &Arg, text: &str) -> String {
    format!("--{}={text}", argument.get_long().unwrap_or_default())
}

/// The grammar of all settings: typed flags, without the environment.
fn parse(flags: &[String]) -> Result<Options, clap::Error> {
    let command = clap::Command::new("settings").no_binary_name(true).disable_help_flag(true);
    let command = Options::augment_args(command).mut_args(|argument| argument.env(None::<&str>));
    Options::from_arg_matches(&command.try_get_matches_from(flags)?)
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

#[cfg(test)]
mod tests;
