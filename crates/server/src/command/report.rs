//! The result of a command: its exit code, its output and its error.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::Write;

use serde_json::Value;

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

/// Prints a JSON document.
pub(super) fn print_json(document: &Value) {
    let _ = writeln!(std::io::stdout(), "{}", harmless_json(&format!("{document:#}")));
}

/// Escapes what would steer a terminal. It stands in strings only, where the escaped form means the same.
fn harmless_json(document: &str) -> Cow<'_, str> {
    escaped_except(document, Notation::Json, |rest| rest.starts_with('\n'))
}

/// Prints a JSON array element by element, so that a long list takes no memory.
#[derive(Default)]
pub(super) struct JsonArray {
    last: Option<String>,
}

impl JsonArray {
    pub(super) fn push(&mut self, element: &Value) {
        let _ = write!(std::io::stdout(), "{}", self.next(element));
    }

    pub(super) fn finish(self) {
        let _ = write!(std::io::stdout(), "{}", self.rest());
    }

    /// The text that is certain once this element is known.
    fn next(&mut self, element: &Value) -> String {
        let element = harmless_json(&element.to_string()).into_owned();
        self.last.replace(element).map_or_else(|| "[\n".to_owned(), |last| format!("{last},\n"))
    }

    /// The text after the last element.
    fn rest(self) -> String {
        self.last.map_or_else(|| "[]\n".to_owned(), |last| format!("{last}\n]\n"))
    }
}

/// Prints a hint to standard error, beside the output.
pub(super) fn hint(line: impl Display) {
    let _ = writeln!(std::io::stderr(), "{}", harmless(&line.to_string()));
}

/// Escapes what would steer a terminal or hide a part of the text, such as a name that a user chose.
fn harmless(lines: &str) -> Cow<'_, str> {
    escaped_except(lines, Notation::Text, |rest| rest.starts_with(['\n', '\t']))
}

/// Prints an error and returns the exit code.
pub(super) fn fail(error: &anyhow::Error, code: u8) -> u8 {
    // Nothing can be done if even this cannot be written.
    let _ = writeln!(std::io::stderr(), "hongyan: {}", harmless(&in_sentences(error)));
    code
}

/// An error with the causes that it does not quote itself. libpq's go on in lines that begin with a tab.
fn in_sentences(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.to_string().trim_end().replace("\n\t", " ");
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn printed(elements: &[Value]) -> String {
        let mut array = JsonArray::default();
        let begun: String = elements.iter().map(|element| array.next(element)).collect();
        begun + &array.rest()
    }

    #[test]
    fn an_array_of_any_length_is_one_valid_document() {
        for elements in
            [vec![], vec![json!(1)], vec![json!({"name": "雁\u{202e}\u{9b}\n"}), json!(2), json!(null)]]
        {
            let text = printed(&elements);
            assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), Value::from(elements), "{text}");
            assert!(!text.contains(['\u{202e}', '\u{9b}']), "{text}");
        }
    }

    #[test]
    fn json_for_a_terminal_keeps_its_meaning() {
        let document = json!({"name": "a\u{1b}[31m\u{2028}\u{2066}雁\"\\"});
        let pretty = format!("{document:#}");
        let text = harmless_json(&pretty);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), document);
        assert!(!text.contains(['\u{1b}', '\u{2028}', '\u{2066}']), "{text}");
    }

    #[test]
    fn an_error_of_libpq_is_one_line_and_an_example_stays_on_its_own() {
        let refused =
            anyhow::anyhow!("connection refused\n\tIs the server running?\n").context("no database");
        assert_eq!(in_sentences(&refused), "no database: connection refused Is the server running?");
        let quoting = anyhow::anyhow!("refused\n").context("cannot connect: refused\n");
        assert_eq!(in_sentences(&quoting), "cannot connect: refused", "a cause that is quoted comes once");
        assert_eq!(in_sentences(&anyhow::anyhow!("for example:\nA=b")), "for example:\nA=b");
    }
}
