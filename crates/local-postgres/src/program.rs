//! Running a program of PostgreSQL to its end.

use std::process::{Command, Output};

use crate::error::Error;

/// The last lines of a program's output, for an error message.
pub(crate) fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(8)..).unwrap_or_default().join("\n")
}

/// Runs a program and returns its standard output.
pub(crate) fn run(program: &'static str, command: &mut Command) -> Result<String, Error> {
    let failed = |output: String| Error::Program { program, output };
    let Output { status, stdout, stderr } = command.output().map_err(|error| failed(error.to_string()))?;
    if status.success() {
        return Ok(String::from_utf8_lossy(&stdout).into_owned());
    }
    Err(failed(last_lines(&String::from_utf8_lossy(&stderr))))
}
