//! The result of a command: its exit code, its output and its error.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::Write;

use crate::observability::printable::{Notation, escaped_except};

/// Failure; of `doctor`: something needs repair.
pub(super) const FAILED: u8 = 1;
/// Unusable argument or setting; the exit code of `clap`, too.
pub(super) const UNUSABLE: u8 = 2;
/// The schema is not the one of this version.
pub(super) const SCHEMA_DIFFERS: u8 = 3;

/// The exit code of a command, or its error.
pub(super) type CommandResult = Result<u8, CommandError>;

/// Why a command failed. The kind decides the exit code.
pub(super) enum CommandError {
    Settings(anyhow::Error),
    Work(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for CommandError {
    fn from(error: E) -> Self {
        Self::Work(error.into())
    }
}

/// Prints lines to standard output. A reader that has closed the pipe is not an error.
pub(super) fn print(lines: impl Display) {
    let _ = writeln!(std::io::stdout(), "{}", harmless(&lines.to_string()));
}

/// Escapes what would steer a terminal or hide a part of the text, such as a name that a user chose.
fn harmless(lines: &str) -> Cow<'_, str> {
    escaped_except(lines, Notation::Text, |rest| rest.starts_with(['\n', '\t']))
}

/// Prints an error and returns the exit code.
pub(super) fn fail(error: &anyhow::Error, code: u8) -> u8 {
    // Nothing can be done if even this cannot be written.
    let _ = writeln!(std::io::stderr(), "hongyan: {}", harmless(&format!("{error:#}")));
    code
}
