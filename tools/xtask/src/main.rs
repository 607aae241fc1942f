//! Static checks of the repository that neither the compiler nor clippy makes.
//!
//! `cargo xtask boundaries` checks layers, file sizes, names, circles of files and wording. `cargo xtask trace` compares the
//! tables of the documents with the source. Both print every finding and fail when there is one.

mod circles;
mod documents;
mod endpoints;
mod faults;
mod findings;
mod layers;
mod names;
mod parameters;
mod rules;
mod source;
mod symbols;
mod trace;
mod wording;

use std::process::ExitCode;

use anyhow::{Result, bail};
use findings::Findings;
use source::Repository;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            findings::print(&format!("xtask: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Runs the named check. Returns whether it found nothing.
fn run() -> Result<bool> {
    let mut arguments = std::env::args().skip(1);
    let repository = Repository::open()?;
    let mut findings = Findings::default();
    let summary = match (arguments.next().as_deref(), arguments.next()) {
        (Some("boundaries"), None) => boundaries(&repository, &mut findings)?,
        (Some("trace"), None) => trace::check(&repository, &mut findings)?,
        _ => bail!("usage: cargo xtask boundaries | cargo xtask trace"),
    };
    Ok(findings.report(&summary))
}

fn boundaries(repository: &Repository, findings: &mut Findings) -> Result<String> {
    layers::check(repository, findings)?;
    rules::check(repository, findings)?;
    names::check(repository, findings);
    parameters::check(repository, findings);
    circles::check(repository, findings);
    wording::check(repository, findings)?;
    Ok(format!("boundaries: {} Rust files keep the house rules", repository.rust.len()))
}
