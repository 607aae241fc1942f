//! How many connections there may be: as many as there are files to be opened, and no more, so that a flood of connections
//! waits in the system's queue and leaves the database's connections alone.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What else is open: the log, the listeners, the runtime, files that are served or written.
const OTHER_FILES: u64 = 64;
/// More than this many connections of one worker are never served in time.
const MOST: u64 = 25_600;
/// However few files there are, somebody must be served.
const LEAST: u64 = 16;

/// Lets this process open as many files as it may allow itself. Many systems start with 1024 and allow far more.
pub(crate) fn raise() {
    let limit = getrlimit(Resource::Nofile);
    let wanted = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, wanted) {
        tracing::warn!(%error, "the limit of open files cannot be raised");
    }
}

/// Threads that serve.
pub(crate) fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)
}

/// How many connections each worker takes at a time, beside so many connections to the database.
pub(crate) fn connections_per_worker(database: u32) -> usize {
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let workers = u64::try_from(workers()).unwrap_or(u64::MAX);
    usize::try_from(share(files, u64::from(database), workers)).unwrap_or(usize::MAX)
}

/// The share of one worker. A file may be open twice for a moment, while a connection is handed over.
fn share(files: u64, database: u64, workers: u64) -> u64 {
    let left = files.saturating_sub(OTHER_FILES).saturating_sub(database);
    (left / workers.max(1)).saturating_sub(1).clamp(LEAST, MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_room_for_the_database_and_the_rest() {
        for (files, database, workers, expected) in [
            (1024, 9, 2, 474),
            (256, 9, 2, 90),
            (u64::MAX, 9, 2, MOST),
            (100_000, 9, 2, MOST),
            (20, 9, 2, LEAST),
            (0, 2000, 1, LEAST),
        ] {
            assert_eq!(share(files, database, workers), expected, "{files}");
            assert!(files < 128 || expected * workers + database + OTHER_FILES <= files);
        }
    }
}
