//! Embeds the commit that the binary is built from. The build also works without git and outside a repository.

use std::path::Path;
use std::process::Command;

/// `git archive` replaces the placeholder in this file by the commit.
const ARCHIVED: &str = include_str!("commit.txt");

fn main() {
    println!("cargo::rerun-if-env-changed=HONGYAN_COMMIT");
    println!("cargo::rerun-if-changed=commit.txt");
    let commit = from_environment().or_else(from_archive).or_else(from_repository);
    let suffix = commit.as_ref().map_or_else(String::new, |commit| format!(" ({commit})"));
    println!("cargo::rustc-env=HONGYAN_COMMIT={}", commit.unwrap_or_else(|| "unknown".to_owned()));
    println!("cargo::rustc-env=HONGYAN_COMMIT_SUFFIX={suffix}");
}

/// The commit in `HONGYAN_COMMIT`, for builds without the repository, such as in a container.
fn from_environment() -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "a build script does not read the server's settings")]
    let commit = std::env::var("HONGYAN_COMMIT").ok()?;
    short_commit(&commit)
}

fn from_archive() -> Option<String> {
    short_commit(ARCHIVED)
}

fn from_repository() -> Option<String> {
    // Every commit, checkout and reset appends to this file.
    let log = git(&["rev-parse", "--git-path", "logs/HEAD"])?;
    if Path::new(&log).exists() {
        println!("cargo::rerun-if-changed={log}");
    }
    // A repository that only surrounds the source is a different project.
    git(&["ls-files", "--error-unmatch", "build.rs"])?;
    short_commit(&git(&["rev-parse", "HEAD"])?)
}

fn git(arguments: &[&str]) -> Option<String> {
    let output =
        Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The first 12 digits of a commit's hash; `None` for anything else.
fn short_commit(text: &str) -> Option<String> {
    let text = text.trim();
    let is_hash = (7..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then(|| text.chars().take(12).collect())
}
