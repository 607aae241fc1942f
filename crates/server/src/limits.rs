//! The limit of client connections, derived from the limit of open files. Further connections wait in the kernel's backlog, so a
//! flood of them cannot exhaust the files that the database's connections need.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Other open files: the log, the listeners, the runtime.
const OTHER_FILES: u64 = 64;
/// More connections than this are never served in time by one worker.
const MAX: u64 = 25_600;
/// Even with few files some connections must be served.
const MIN: u64 = 16;

/// Raises the soft limit of open files to the hard limit. Many systems default to 1024 and permit far more.
pub(crate) fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let wanted = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, wanted) {
        tracing::warn!(%error, "cannot raise the limit of open files");
    }
}

/// The number of worker threads.
pub(crate) fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)
}

/// The limit of client connections per worker, given the number of connections to the database.
pub(crate) fn connections_per_worker(database: u32) -> usize {
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let workers = u64::try_from(workers()).unwrap_or(u64::MAX);
    usize::try_from(share(files, u64::from(database), workers)).unwrap_or(usize::MAX)
}

/// The default of the most sockets: three quarters of the connections, so that some are left to requests. The limit of open files is
/// raised at the start, so the hard one counts.
pub(crate) fn default_sockets() -> u32 {
    let files = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
    let workers = u64::try_from(workers()).unwrap_or(u64::MAX);
    // Databases have dozens of connections at most.
    let all = share(files, OTHER_FILES, workers).saturating_mul(workers);
    u32::try_from(all / 4 * 3).unwrap_or(u32::MAX)
}

/// One worker's share. One file is spared for the moment in which a connection is handed over and open twice.
fn share(files: u64, database: u64, workers: u64) -> u64 {
    let left = files.saturating_sub(OTHER_FILES).saturating_sub(database);
    (left / workers.max(1)).saturating_sub(1).clamp(MIN, MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_room_for_the_database_and_the_rest() {
        for (files, database, workers, expected) in [
            (1024, 9, 2, 474),
            (256, 9, 2, 90),
            (u64::MAX, 9, 2, MAX),
            (100_000, 9, 2, MAX),
            (20, 9, 2, MIN),
            (0, 2000, 1, MIN),
        ] {
            assert_eq!(share(files, database, workers), expected, "{files}");
            assert!(files < 128 || expected * workers + database + OTHER_FILES <= files);
        }
    }
}
