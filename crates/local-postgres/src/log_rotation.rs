//! Log rotation by copying and truncating: the postmaster keeps its file open, and appends to it.
//!
//! A few lines that PostgreSQL writes between the last copied byte and the truncation can be lost.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::error::Error;
use crate::owner::Owner;
use crate::paths::ClusterPaths;

/// When a log is rotated, and how many old ones are kept.
#[derive(Debug, Clone, Copy)]
pub struct LogLimits {
    /// A larger log is rotated.
    pub bytes: u64,
    /// A log that began longer ago is rotated.
    pub age: Duration,
    /// Old logs that are kept: `log.1` is the newest.
    pub kept: u32,
}

impl LogLimits {
    /// At most 40 MB, and at least a month unless there are many errors.
    pub const DEFAULT: Self =
        Self { bytes: 8 * 1024 * 1024, age: Duration::from_secs(7 * 24 * 3600), kept: 4 };
}

/// The logs of a cluster, as found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogState {
    /// Bytes of the current log and of the old ones.
    pub bytes: u64,
    /// Whether rotation has not kept up: the current log is twice as large or old as it may become.
    pub overdue: bool,
}

impl LogState {
    /// Examines the logs of the cluster in a data folder; `None` without a cluster or a log. Changes nothing.
    ///
    /// # Errors
    /// As [`crate::Cluster::state`].
    pub fn find(data_dir: &Path) -> Result<Option<Self>, Error> {
        let paths = ClusterPaths::find(data_dir, Owner::find()?)?;
        Ok(paths.and_then(|paths| Self::of(&paths.log, LogLimits::DEFAULT)))
    }

    /// Examines a log and its old ones; `None` without a log.
    pub(crate) fn of(log: &Path, limits: LogLimits) -> Option<Self> {
        let size = |path: PathBuf| path.symlink_metadata().map_or(0, |metadata| metadata.len());
        log.symlink_metadata().ok()?;
        let old: u64 = (1..=limits.kept).map(|number| size(numbered(log, number))).sum();
        let doubled = LogLimits {
            bytes: limits.bytes.saturating_mul(2),
            age: limits.age.saturating_mul(2),
            kept: limits.kept,
        };
        Some(Self { bytes: size(log.to_owned()) + old, overdue: is_due(log, doubled) })
    }
}

/// Opens a log for appending. A link is not followed: the folder belongs to the user that PostgreSQL runs as, and this process
/// may be root.
pub(crate) fn open(log: &Path) -> io::Result<File> {
    let no_follow = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or_default();
    OpenOptions::new().create(true).read(true).append(true).custom_flags(no_follow).open(log)
}

/// Rotates the log if it is due. Returns whether it was.
pub(crate) fn rotate(log: &Path, limits: LogLimits) -> io::Result<bool> {
    if !is_due(log, limits) {
        return Ok(false);
    }
    for number in (1..limits.kept).rev() {
        let from = numbered(log, number);
        if from.symlink_metadata().is_ok() {
            std::fs::rename(from, numbered(log, number + 1))?;
        }
    }
    let newest = numbered(log, 1);
    match std::fs::remove_file(&newest) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut current = open(log)?;
    let mut copy = OpenOptions::new().write(true).create_new(true).mode(0o600).open(newest)?;
    io::copy(&mut current, &mut copy)?;
    current.set_len(0)?;
    Ok(true)
}

#[expect(clippy::disallowed_methods, reason = "a file's age is measured by the clock that dates files")]
fn is_due(log: &Path, limits: LogLimits) -> bool {
    let Ok(current) = log.symlink_metadata() else { return false };
    let begun =
        numbered(log, 1).symlink_metadata().and_then(|old| old.modified()).or_else(|_| current.created());
    let age = begun.ok().and_then(|begun| SystemTime::now().duration_since(begun).ok());
    current.is_file()
        && current.len() > 0
        && (current.len() > limits.bytes || age.is_some_and(|age| age > limits.age))
}

fn numbered(log: &Path, number: u32) -> PathBuf {
    let mut name = log.as_os_str().to_owned();
    name.push(format!(".{number}"));
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const LIMITS: LogLimits = LogLimits { bytes: 10, age: Duration::from_secs(3600), kept: 3 };

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("hongyan-rotation-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn a_large_log_is_rotated_and_old_ones_are_bounded() {
        let folder = folder("size");
        let log = folder.join("log");
        let mut writer = open(&log).unwrap();
        for round in 1..=6 {
            write!(writer, "round {round}").unwrap();
            assert!(!rotate(&log, LIMITS).unwrap(), "seven bytes are few");
            write!(writer, " and more").unwrap();
            assert!(rotate(&log, LIMITS).unwrap());
            assert_eq!(std::fs::read_to_string(&log).unwrap(), "");
            assert_eq!(
                std::fs::read_to_string(numbered(&log, 1)).unwrap(),
                format!("round {round} and more")
            );
        }
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 4, "the log and three old ones");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_log_that_is_never_rotated_is_overdue() {
        let folder = folder("state");
        let log = folder.join("log");
        assert_eq!(LogState::of(&log, LIMITS), None);
        for (length, old, expected) in [(20, 0, (20, false)), (20, 9, (29, false)), (21, 9, (30, true))] {
            std::fs::write(&log, vec![b'x'; length]).unwrap();
            std::fs::write(numbered(&log, 3), vec![b'x'; old]).unwrap();
            let LogState { bytes, overdue } = LogState::of(&log, LIMITS).unwrap();
            assert_eq!((bytes, overdue), expected);
        }
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn an_old_log_is_rotated_and_an_empty_one_is_not() {
        let folder = folder("age");
        let log = folder.join("log");
        let limits = LogLimits { age: Duration::ZERO, ..LIMITS };
        drop(open(&log).unwrap());
        assert!(!rotate(&log, limits).unwrap());
        write!(open(&log).unwrap(), "one").unwrap();
        assert!(!rotate(&log, LIMITS).unwrap());
        std::thread::yield_now();
        assert!(rotate(&log, limits).unwrap());
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn links_are_neither_followed_nor_overwritten() {
        let folder = folder("links");
        let (log, target) = (folder.join("log"), folder.join("target"));
        std::fs::write(&target, "a file of root's, long enough").unwrap();
        std::os::unix::fs::symlink(&target, &log).unwrap();
        assert!(!rotate(&log, LIMITS).unwrap());
        assert!(open(&log).is_err());
        std::fs::remove_file(&log).unwrap();
        std::fs::write(&log, "long enough to rotate").unwrap();
        std::os::unix::fs::symlink(&target, numbered(&log, 1)).unwrap();
        assert!(rotate(&log, LIMITS).unwrap());
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "a file of root's, long enough");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
