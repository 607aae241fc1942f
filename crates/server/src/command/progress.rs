//! How far long work has come, shown to whoever sits at the terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar up to so many bytes. Where nobody watches it shows nothing.
pub(super) fn bytes(what: &'static str, total: u64) -> ProgressBar {
    styled(
        ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr()),
        what,
        "{msg} [{bar:40}] {bytes}/{total_bytes} {eta}",
    )
}

/// A count of bytes of which nobody knows how many there will be.
pub(super) fn counter(what: &'static str) -> ProgressBar {
    styled(ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()), what, "{msg} {bytes} {elapsed}")
}

/// A bar up to so many steps.
pub(super) fn steps(what: &'static str) -> ProgressBar {
    styled(
        ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr()),
        what,
        "{msg} [{bar:40}] {pos}/{len} {elapsed}",
    )
}

fn styled(bar: ProgressBar, what: &'static str, template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.with_style(style).with_message(what)
}
