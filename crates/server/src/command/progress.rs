//! Progress bars on standard error; hidden unless that is a terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar for a known number of bytes.
pub(super) fn bytes(label: &'static str, total: u64) -> ProgressBar {
    styled(
        ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr()),
        label,
        "{msg} [{bar:40}] {bytes}/{total_bytes} {eta}",
    )
}

/// A counter for an unknown number of bytes.
pub(super) fn counter(label: &'static str) -> ProgressBar {
    styled(
        ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()),
        label,
        "{msg} {bytes} {elapsed}",
    )
}

/// A bar for steps.
pub(super) fn steps(label: &'static str) -> ProgressBar {
    styled(
        ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr()),
        label,
        "{msg} [{bar:40}] {pos}/{len} {elapsed}",
    )
}

fn styled(bar: ProgressBar, label: &'static str, template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.with_style(style).with_message(label)
}
