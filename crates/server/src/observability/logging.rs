//! The log: one line per event on standard error, as text or JSON.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};

use anyhow::Context;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use crate::config::{LogFormat, LogSettings};

/// Whether logging could be started.
///
/// # Errors
/// When the filter cannot be read.
pub fn check(settings: &LogSettings) -> anyhow::Result<()> {
    filter(settings).map(|_| ())
}

fn filter(settings: &LogSettings) -> anyhow::Result<EnvFilter> {
    EnvFilter::try_new(&settings.filter).with_context(|| {
        format!("HONGYAN_LOG: {:?} must be a filter such as info,infra=debug", settings.filter)
    })
}

/// Starts logging.
///
/// # Errors
/// When the filter cannot be read.
pub fn start(settings: &LogSettings) -> anyhow::Result<()> {
    let filter = filter(settings)?;
    // Colours are for people; a file or a pipe gets none.
    let colours = io::stderr().is_terminal();
    let writer = move || OneLine { out: io::stderr(), colours };
    let builder = fmt().with_env_filter(filter).with_writer(writer).with_ansi(colours);
    match settings.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).with_span_list(false).try_init(),
    }
    .map_err(|error| anyhow::anyhow!("the log cannot be started: {error}"))
}

/// Writes each event as one line, whatever is in it: what others say (PostgreSQL, a client) may hold line breaks and the
/// sequences that move a terminal's cursor, and must not pass for lines of ours.
struct OneLine<W> {
    out: W,
    colours: bool,
}

impl<W: Write> Write for OneLine<W> {
    /// An event comes as a whole.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let (line, end) = match event.split_last() {
            Some((b'\n', line)) => (line, &b"\n"[..]),
            _ => (event, &b""[..]),
        };
        self.out.write_all(&[&harmless(line, self.colours), end].concat())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The line with its control characters written out. Colours begin with one.
fn harmless(line: &[u8], colours: bool) -> Cow<'_, [u8]> {
    let is_harmful = |byte: &u8| byte.is_ascii_control() && *byte != b'\t' && !(colours && *byte == 0x1b);
    if !line.iter().any(is_harmful) {
        return Cow::Borrowed(line);
    }
    Cow::Owned(line.iter().fold(Vec::with_capacity(line.len() + 16), |mut written, byte| {
        if is_harmful(byte) {
            written.extend(byte.escape_ascii());
        } else {
            written.push(*byte);
        }
        written
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_whatever_is_in_it() {
        for (event, line) in [
            ("well\n", "well\n"),
            ("two\r\nlines\n", "two\\r\\nlines\n"),
            ("\u{1b}[31mred\n", "\\x1b[31mred\n"),
            ("雁\tends without", "雁\tends without"),
            ("\u{7f}\0\n", "\\x7f\\x00\n"),
        ] {
            let mut out = OneLine { out: Vec::new(), colours: false };
            assert_eq!(out.write(event.as_bytes()).unwrap(), event.len());
            assert_eq!(String::from_utf8(out.out).unwrap(), line);
        }
        assert_eq!(&*harmless(b"\x1b[31m\n", true), b"\x1b[31m\\n");
    }
}
