//! What the checks find, collected so that one run shows all of it.

use std::io::Write;

/// The findings of one run, in the order in which they were found.
#[derive(Debug, Default)]
pub(crate) struct Findings(Vec<String>);

impl Findings {
    pub(crate) fn add(&mut self, finding: impl Into<String>) {
        self.0.push(finding.into());
    }

    /// Prints the findings, or `summary` when there are none. Returns whether there are none.
    pub(crate) fn report(&self, summary: &str) -> bool {
        for finding in &self.0 {
            print(finding);
        }
        print(if self.0.is_empty() { summary } else { "the findings above must be mended" });
        self.0.is_empty()
    }
}

/// Prints a line. A closed pipe is no reason to panic.
pub(crate) fn print(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Two lists of lines that must be equal but for their order; duplicates count.
pub(crate) fn same(one: &str, left: &[String], other: &str, right: &[String], findings: &mut Findings) {
    let mut rest: Vec<&String> = right.iter().collect();
    for line in left {
        match rest.iter().position(|candidate| *candidate == line) {
            Some(place) => drop(rest.swap_remove(place)),
            None => findings.add(format!("trace: only in {one}: {line}")),
        }
    }
    for line in rest {
        findings.add(format!("trace: only in {other}, missing in {one}: {line}"));
    }
}
