//! The log: one line per event on standard error, as text or JSON.

use std::io::{self, IsTerminal, Write};

use anyhow::Context;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use super::log_limit::Limited;
use super::printable::{Notation, escaped_except};
use crate::config::{LogFormat, LogSettings};

/// Starts logging.
///
/// # Errors
/// When the filter cannot be parsed, or logging was started before.
pub fn start(settings: &LogSettings) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&settings.filter).context("HONGYAN_LOG")?;
    // A file or a pipe gets no colours.
    let colours = io::stderr().is_terminal();
    let json = settings.format == LogFormat::Json;
    let writer = move || OneLine { out: io::stderr(), colours: colours && !json, json };
    let builder = fmt().with_env_filter(filter).with_writer(writer).with_ansi(colours && !json);
    match settings.format {
        LogFormat::Text => builder.map_event_format(|inner| Limited { inner, json }).try_init(),
        LogFormat::Json => {
            let builder = builder.json().flatten_event(true).with_span_list(false);
            builder.map_event_format(|inner| Limited { inner, json }).try_init()
        }
    }
    .map_err(|error| anyhow::anyhow!("the log cannot be started: {error}"))
}

/// Writes each event as one line. Texts of PostgreSQL, of libraries or of a client may contain line breaks, terminal escape
/// sequences and marks of direction; they must not forge log lines or hide parts of them.
struct OneLine<W> {
    out: W,
    colours: bool,
    json: bool,
}

impl<W: Write> Write for OneLine<W> {
    /// Each call receives one complete event.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let (line, end) = text.strip_suffix('\n').map_or((&*text, ""), |line| (line, "\n"));
        let notation = if self.json { Notation::Json } else { Notation::Text };
        let is_kept = |rest: &str| rest.starts_with('\t') || (self.colours && is_colour(rest));
        let line = escaped_except(line, notation, is_kept);
        self.out.write_all(&[line.as_bytes(), end.as_bytes()].concat())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Whether a text begins with an escape sequence that sets colours and nothing else.
fn is_colour(text: &str) -> bool {
    let parameters = text.strip_prefix("\u{1b}[");
    parameters.is_some_and(|rest| {
        rest.trim_start_matches(|digit: char| digit.is_ascii_digit() || digit == ';').starts_with('m')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(event: &str, colours: bool, json: bool) -> String {
        let mut out = OneLine { out: Vec::new(), colours, json };
        assert_eq!(out.write(event.as_bytes()).unwrap(), event.len());
        String::from_utf8(out.out).unwrap()
    }

    #[test]
    fn an_event_is_always_one_line() {
        for (event, line) in [
            ("well\n", "well\n"),
            ("two\r\nlines\n", "two\\r\\nlines\n"),
            ("\u{1b}[31mred\n", "\\x1b[31mred\n"),
            ("雁\tends without", "雁\tends without"),
            ("\u{7f}\0\n", "\\x7f\\x00\n"),
            ("next\u{85}line\u{2028}\n", "next\\u{85}line\\u{2028}\n"),
            ("\u{9b}31m\u{202e}neddih\n", "\\u{9b}31m\\u{202e}neddih\n"),
        ] {
            assert_eq!(written(event, false, false), line);
        }
    }

    #[test]
    fn of_escape_sequences_only_colours_reach_a_terminal() {
        assert_eq!(written("\u{1b}[1;31mred\u{1b}[0m\n", true, false), "\u{1b}[1;31mred\u{1b}[0m\n");
        for sequence in ["\u{1b}[2J", "\u{1b}]0;title\u{7}", "\u{1b}[1A", "\u{1b}"] {
            let line = written(sequence, true, false);
            assert!(line.starts_with("\\x1b") && !line.contains('\u{1b}'), "{line}");
        }
    }

    #[test]
    fn a_line_of_json_stays_valid_and_keeps_its_text() {
        let text = "a\u{9b}b\u{202e}c\u{2028}d";
        let line = written(&format!("{}\n", serde_json::json!({ "error": text })), false, true);
        assert!(line.is_ascii(), "{line}");
        let object: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(object["error"], text);
    }
}
