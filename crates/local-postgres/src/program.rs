//! PostgreSQL's programs as child processes: their environment, and running one to its end.

use std::ffi::OsStr;
use std::process::{Command, Output};

use crate::error::Error;

/// The variables that a child process gets: where programs are, and how texts and times are formatted.
const PASSED_ON: [&str; 3] = ["PATH", "LANG", "TZ"];

/// Clears a child's environment. Ours may contain secrets, which `/proc` would show to the user that the child runs as, and
/// variables such as `PGOPTIONS` or `PGSERVICE`, which libpq would obey.
pub fn clear_environment(command: &mut Command) {
    command.env_clear();
    command.envs(PASSED_ON.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
}

/// A child process with a cleared environment.
pub(crate) fn child(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    clear_environment(&mut command);
    command
}

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
