//! Tells the binary which commit it is built from. Without git, and outside a repository, it is built all the same.

use std::path::Path;
use std::process::Command;

/// `git archive` writes the commit in here.
const ARCHIVED: &str = include_str!("commit.txt");

fn main() {
    println!("cargo::rerun-if-env-changed=HONGYAN_COMMIT");
    println!("cargo::rerun-if-changed=commit.txt");
    let commit = named().or_else(archived).or_else(of_the_repository);
    let suffix = commit.as_ref().map_or_else(String::new, |commit| format!(" ({commit})"));
    println!("cargo::rustc-env=HONGYAN_COMMIT={}", commit.unwrap_or_else(|| "unknown".to_owned()));
    println!("cargo::rustc-env=HONGYAN_COMMIT_SUFFIX={suffix}");
}

/// The commit that whoever builds names, for example where the repository is not at hand in a container.
fn named() -> Option<String> {
    #[allow(clippy::disallowed_methods, reason = "a build script has no settings of the server's")]
    let named = std::env::var("HONGYAN_COMMIT").ok()?;
    hexadecimal(&named)
}

fn archived() -> Option<String> {
    hexadecimal(ARCHIVED)
}

fn of_the_repository() -> Option<String> {
    // Each commit, checkout and reset is noted there.
    let log = git(&["rev-parse", "--git-path", "logs/HEAD"])?;
    if Path::new(&log).exists() {
        println!("cargo::rerun-if-changed={log}");
    }
    // A repository that merely surrounds the source is somebody else's.
    git(&["ls-files", "--error-unmatch", "build.rs"])?;
    hexadecimal(&git(&["rev-parse", "HEAD"])?)
}

fn git(arguments: &[&str]) -> Option<String> {
    let output =
        Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// A commit's name, shortened; none for anything else.
fn hexadecimal(text: &str) -> Option<String> {
    let text = text.trim();
    let right = (7..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    right.then(|| text.chars().take(12).collect())
}
