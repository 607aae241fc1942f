//! Discovery of an installed PostgreSQL server.

use std::path::{Path, PathBuf};

use crate::Error;
use crate::program::child;

/// The programs of an installed PostgreSQL server.
#[derive(Debug, Clone)]
pub struct Installation {
    bin_dir: PathBuf,
    major: u32,
}

impl Installation {
    /// The oldest major version that the schema works with.
    pub const OLDEST_MAJOR: u32 = 15;

    /// Finds a server: the one in `$PG_BIN`, or the newest in `pg_config --bindir` and the usual folders of distributions.
    ///
    /// # Errors
    /// [`Error::NotInstalled`], which says how to install one.
    pub fn find() -> Result<Self, Error> {
        if let Some(bin_dir) = from_environment() {
            return Self::at(&bin_dir).ok_or(Error::NotInstalled);
        }
        let mut found: Vec<Self> = candidates().iter().filter_map(|bin_dir| Self::at(bin_dir)).collect();
        found.sort_by_key(|installation| installation.major);
        found.pop().ok_or(Error::NotInstalled)
    }

    /// The installation in this folder, if it is a complete server of a supported version.
    #[must_use]
    pub fn at(bin_dir: &Path) -> Option<Self> {
        let complete = ["initdb", "postgres", "psql"].iter().all(|program| bin_dir.join(program).is_file());
        let major = if complete { major_version(&bin_dir.join("postgres"))? } else { return None };
        (major >= Self::OLDEST_MAJOR).then(|| Self { bin_dir: bin_dir.to_owned(), major })
    }

    /// The major version.
    #[must_use]
    pub const fn major(&self) -> u32 {
        self.major
    }

    /// The path of one of its programs.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.bin_dir.join(name)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the location of PostgreSQL's programs is not a setting of the server"
)]
fn from_environment() -> Option<PathBuf> {
    let folder = std::env::var("PG_BIN").ok()?.trim().to_owned();
    (!folder.is_empty()).then(|| PathBuf::from(folder))
}

fn candidates() -> Vec<PathBuf> {
    let mut folders = Vec::new();
    if let Ok(output) = child("pg_config").arg("--bindir").output() {
        folders.push(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    }
    let families = [
        ("/usr/lib/postgresql", ""),
        ("/usr", "pgsql-"),
        ("/opt/homebrew/opt", "postgresql"),
        ("/usr/local/opt", "postgresql"),
    ];
    for (parent, prefix) in families {
        let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
        let named = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix));
        folders.extend(named.map(|entry| entry.path().join("bin")));
    }
    folders
}

/// Parses the output `postgres (PostgreSQL) 15.18 (Debian …)`.
fn major_version(postgres: &Path) -> Option<u32> {
    let output = child(postgres).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let number =
        text.split_whitespace().find(|word| word.starts_with(|first: char| first.is_ascii_digit()))?;
    number.split(|character: char| !character.is_ascii_digit()).next()?.parse().ok()
}
