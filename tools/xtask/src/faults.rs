//! The list of faults in docs/faults.md: numbered without a gap, each with a test or a script.

use anyhow::Result;
use regex::Regex;

use crate::findings::Findings;
use crate::source::Repository;

const LIST: &str = "docs/faults.md";

/// Checks that no fault is forgotten. That the named tests exist is checked with all names in documents.
pub(crate) fn check(repository: &Repository, findings: &mut Findings) -> Result<()> {
    let row = Regex::new(r"(?m)^\| (\d+) \|.*\| ([^|]*) \|$")?;
    let text = repository.read(LIST)?;
    let mut expected = 1;
    for found in row.captures_iter(&text) {
        let (_, [number, tests]) = found.extract();
        if number != expected.to_string() {
            findings.add(format!("{LIST}: {number} stands where {expected} is expected"));
        }
        if !tests.contains('`') {
            findings.add(format!("{LIST}: fault {number} names neither a test nor a script"));
        }
        expected += 1;
    }
    if expected == 1 {
        findings.add(format!("{LIST}: no fault is listed"));
    }
    Ok(())
}
