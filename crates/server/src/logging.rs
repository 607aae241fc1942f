//! The log: one line per event on standard error, as text or JSON.

use std::io::IsTerminal;

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
    let builder =
        fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    match settings.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).with_span_list(false).try_init(),
    }
    .map_err(|error| anyhow::anyhow!("the log cannot be started: {error}"))
}
