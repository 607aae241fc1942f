//! `hongyan`: a one-to-one chat backend in one binary.

use std::process::ExitCode;

use clap::Parser;
use server::config::{Cli, Settings};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A setting that cannot be used, as `clap` exits for a flag that it cannot read.
const EXIT_SETTINGS: u8 = 2;

fn main() -> ExitCode {
    let settings = match Settings::resolve(Cli::parse()) {
        Ok(settings) => settings,
        Err(error) => return fail(&error, EXIT_SETTINGS),
    };
    if let Err(error) = server::logging::start(&settings.logging) {
        return fail(&error, EXIT_SETTINGS);
    }
    match server::run::run(&settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error, 1),
    }
}

fn fail(error: &anyhow::Error, code: u8) -> ExitCode {
    use std::io::Write;
    // Nothing is left to be done when even this cannot be written.
    let _ = writeln!(std::io::stderr(), "hongyan: {error:#}");
    ExitCode::from(code)
}
