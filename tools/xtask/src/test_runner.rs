//! A parallel test runner: builds all test binaries at once and runs several side by side, because most tests wait rather than
//! compute. `cargo test` runs one binary after the other.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use parking_lot::Mutex;
use serde_json::Value;

use crate::findings::{Findings, print};
use crate::source::Repository;

/// How many binaries run at the same time.
const BINARIES: usize = 2;
/// How many tests each binary runs at the same time, unless `RUST_TEST_THREADS` says otherwise.
const THREADS: &str = "4";

/// A test binary.
#[derive(Debug)]
struct TestBinary {
    /// `package::target`.
    name: String,
    executable: PathBuf,
    /// The package's folder, the working directory of its tests.
    folder: PathBuf,
}

/// Builds and runs the test binaries whose names contain one of `filters`, or all. Returns the summary.
///
/// # Errors
/// When the build fails or a binary cannot be started.
pub(crate) fn run(repository: &Repository, filters: &[String], findings: &mut Findings) -> Result<String> {
    let begun = Instant::now();
    let mut binaries = build()?;
    binaries.retain(|binary| filters.is_empty() || filters.iter().any(|part| binary.name.contains(part)));
    ensure!(!binaries.is_empty(), "no test binary is named so");
    let times = repository.target().join("test-times");
    let mut known = read_times(&times);
    // The shortest first, because the queue is taken from its end.
    binaries.sort_by_key(|binary| known.get(&binary.name).copied().unwrap_or_else(|| guess(&binary.name)));
    let (queue, results) = (Mutex::new(binaries), Mutex::new(Vec::new()));
    print(&format!("built in {} s", begun.elapsed().as_secs()));
    thread::scope(|scope| {
        for _ in 0..BINARIES {
            scope.spawn(|| {
                while let Some(binary) = pop(&queue) {
                    let result = run_binary(&binary);
                    results.lock().push((binary, result));
                }
            });
        }
    });
    let (mut passed, mut count) = (0, 0);
    for (binary, result) in results.into_inner() {
        let (tests, took) = result?;
        known.insert(binary.name.clone(), u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
        count += 1;
        match tests {
            Some(tests) => passed += tests,
            None => findings.add(format!("tests: {} failed; its output is above", binary.name)),
        }
    }
    write_times(&times, &known)?;
    if filters.is_empty() && has_doc_tests(repository) {
        doc_tests(findings)?;
    }
    // The last line has the form that tools which collect results of any language read.
    let took = begun.elapsed().as_secs();
    Ok(format!("{passed} tests in {count} binaries passed in {took} s\n{passed} passed, 0 failed"))
}

/// Milliseconds of a binary that has not run here: the longest ones come first, so that the others run beside them.
fn guess(name: &str) -> u64 {
    const LONGEST_LAST: [&str; 3] = ["server::api", "infra::adapters", "server::operations"];
    let place = LONGEST_LAST.iter().position(|long| *long == name);
    place.and_then(|place| u64::try_from(place + 1).ok()).map_or(0, |place| 60_000 * place)
}

fn pop(queue: &Mutex<Vec<TestBinary>>) -> Option<TestBinary> {
    queue.lock().pop()
}

/// Builds every test of the workspace in one go, because Cargo rebuilds dependencies for each selection of crates.
fn build() -> Result<Vec<TestBinary>> {
    let mut cargo = Command::new("cargo");
    cargo.args(["test", "--workspace", "--locked", "--quiet", "--no-run"]);
    cargo.arg("--message-format=json-render-diagnostics").stderr(Stdio::inherit());
    let output = cargo.output().context("cargo")?;
    ensure!(output.status.success(), "the tests do not compile");
    let text = String::from_utf8(output.stdout)?;
    let artifacts = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    artifacts
        .filter(|artifact| artifact.pointer("/profile/test") == Some(&Value::Bool(true)))
        .filter_map(|artifact| binary(&artifact))
        .map(Ok)
        .collect()
}

/// The test binary that a build message names, if it names one.
fn binary(artifact: &Value) -> Option<TestBinary> {
    let executable = PathBuf::from(artifact.get("executable")?.as_str()?);
    let folder = Path::new(artifact.get("manifest_path")?.as_str()?).parent()?.to_owned();
    let package = folder.file_name()?.to_str()?.to_owned();
    let target = artifact.pointer("/target/name")?.as_str()?;
    Some(TestBinary { name: format!("{package}::{target}"), executable, folder })
}

/// Runs a binary to its end. Returns the number of its tests, or `None` when one failed, and the duration.
fn run_binary(binary: &TestBinary) -> Result<(Option<u64>, Duration)> {
    let begun = Instant::now();
    let mut command = Command::new(&binary.executable);
    command.current_dir(&binary.folder).arg("--quiet").stdin(Stdio::null());
    if std::env::var_os("RUST_TEST_THREADS").is_none() {
        command.env("RUST_TEST_THREADS", THREADS);
    }
    let output = command.output().with_context(|| binary.executable.display().to_string())?;
    let took = begun.elapsed();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let tests = if output.status.success() { passed(&out) } else { None };
    let outcome = tests.map_or_else(|| "FAILED".to_owned(), |tests| format!("{tests} passed"));
    print(&format!("{:<28} {outcome:>12} {:>6.1} s", binary.name, took.as_secs_f64()));
    if tests.is_none() {
        print(&format!("{out}{err}{}", output.status));
    }
    Ok((tests, took))
}

/// The number of passed tests in a binary's output, if none was skipped.
fn passed(output: &str) -> Option<u64> {
    let result = output.lines().find_map(|line| line.strip_prefix("test result: ok. "))?;
    let number = |word: &str| -> Option<u64> {
        let part = result.split(';').find(|part| part.trim().ends_with(word))?;
        part.split_whitespace().next()?.parse().ok()
    };
    (number("ignored")? == 0 && number("filtered out").is_none_or(|count| count == 0)).then_some(())?;
    number("passed")
}

/// Whether any documentation has an example. Without one, Cargo would compile all dependencies once more for nothing.
fn has_doc_tests(repository: &Repository) -> bool {
    let mut lines = repository.rust.iter().flat_map(|file| file.text.lines()).map(str::trim_start);
    lines.any(|line| line.starts_with("/// ```") || line.starts_with("//! ```"))
}

fn doc_tests(findings: &mut Findings) -> Result<()> {
    let mut cargo = Command::new("cargo");
    let status = cargo.args(["test", "--workspace", "--locked", "--quiet", "--doc"]).output()?;
    if !status.status.success() {
        print(&String::from_utf8_lossy(&status.stdout));
        findings.add("tests: an example in the documentation failed");
    }
    Ok(())
}

/// The duration of each binary in its last run, in milliseconds.
fn read_times(path: &Path) -> BTreeMap<String, u64> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines = text.lines().filter_map(|line| line.split_once('\t'));
    lines.filter_map(|(name, time)| Some((name.to_owned(), time.parse().ok()?))).collect()
}

fn write_times(path: &Path, times: &BTreeMap<String, u64>) -> Result<()> {
    let lines: Vec<String> = times.iter().map(|(name, time)| format!("{name}\t{time}\n")).collect();
    if let Err(error) = std::fs::write(path, lines.concat()) {
        bail!("{}: {error}", path.display());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_counts_only_if_no_test_was_skipped() {
        let line = |ignored| {
            format!(
                "running 3 tests\ntest result: ok. 3 passed; 0 failed; {ignored} ignored; 0 measured; 0 filtered out; finished in 0.10s\n"
            )
        };
        assert_eq!(passed(&line(0)), Some(3));
        assert_eq!(passed(&line(1)), None);
        assert_eq!(passed("test result: FAILED. 2 passed; 1 failed; 0 ignored"), None);
        assert_eq!(passed(""), None);
    }
}
