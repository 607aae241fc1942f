//! The checks of the repository that neither the compiler nor clippy makes, and the test runner.
//!
//! `cargo xtask boundaries` checks layers, file sizes, names, circles of files and wording. `cargo xtask trace` compares the
//! tables of the documents with the source. `cargo xtask test [NAME…]` runs the test binaries, all or those whose names contain
//! a NAME, several at a time, and then checks that the API tests have seen every documented response; `cargo xtask coverage`
//! repeats that last check. Each prints every finding and fails when there is one.

mod circles;
mod coverage;
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
mod test_runner;
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
    let command = arguments.next();
    let names: Vec<String> = arguments.collect();
    let summary = match (command.as_deref(), names.as_slice()) {
        (Some("boundaries"), []) => boundaries(&repository, &mut findings)?,
        (Some("trace"), []) => trace::check(&repository, &mut findings)?,
        (Some("test"), names) => test(&repository, names, &mut findings)?,
        (Some("coverage"), []) => coverage::check(&repository, &mut findings)?,
        _ => bail!("usage: cargo xtask boundaries | trace | test [NAME…] | coverage"),
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

/// The name of the API tests' binary.
const API_TESTS: &str = "server::api";

fn test(repository: &Repository, names: &[String], findings: &mut Findings) -> Result<String> {
    coverage::clear(repository)?;
    let summary = test_runner::run(repository, names, findings)?;
    if names.is_empty() || names.iter().any(|name| API_TESTS.contains(name.as_str())) {
        findings::print(&coverage::check(repository, findings)?);
    }
    Ok(summary)
}
