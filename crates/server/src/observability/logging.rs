//! The log: one line per event on standard error, as text or JSON.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};

use anyhow::Context;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use crate::config::{LogFormat, LogSettings};

/// Checks the log settings.
///
/// # Errors
/// When the filter cannot be parsed.
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
/// When the filter cannot be parsed, or logging was started before.
pub fn start(settings: &LogSettings) -> anyhow::Result<()> {
    let filter = filter(settings)?;
    // A file or a pipe gets no colours.
    let colours = io::stderr().is_terminal();
    let writer = move || OneLine { out: io::stderr(), colours };
    let builder = fmt().with_env_filter(filter).with_writer(writer).with_ansi(colours);
    match settings.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).with_span_list(false).try_init(),
    }
    .map_err(|error| anyhow::anyhow!("the log cannot be started: {error}"))
}

/// Writes each event as one line. Texts of PostgreSQL or of a client may contain line breaks and terminal escape sequences;
/// they must not forge log lines.
struct OneLine<W> {
    out: W,
    colours: bool,
}

impl<W: Write> Write for OneLine<W> {
    /// Each call receives one complete event.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let (line, end) = match event.split_last() {
            Some((b'\n', line)) => (line, &b"\n"[..]),
            _ => (event, &b""[..]),
        };
        self.out.write_all(&[&escape_controls(line, self.colours), end].concat())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Escapes control characters, except the escape character of colours where those are on.
fn escape_controls(line: &[u8], colours: bool) -> Cow<'_, [u8]> {
    let is_unsafe = |byte: &u8| byte.is_ascii_control() && *byte != b'\t' && !(colours && *byte == 0x1b);
    if !line.iter().any(is_unsafe) {
        return Cow::Borrowed(line);
    }
    Cow::Owned(line.iter().fold(Vec::with_capacity(line.len() + 16), |mut escaped, byte| {
        if is_unsafe(byte) {
            escaped.extend(byte.escape_ascii());
        } else {
            escaped.push(*byte);
        }
        escaped
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_always_one_line() {
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
        assert_eq!(&*escape_controls(b"\x1b[31m\n", true), b"\x1b[31m\\n");
    }
}
