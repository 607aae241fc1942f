//! Wiring of message search: the search threads and the background indexer.

use std::sync::Arc;
use std::time::Duration;

use domain::search::SearchService;
use infra::db::Db;
use infra::postgres::{IndexerSettings, PgSearchRepository, SearchIndexer, SearchSettings};

/// Length of the queue for a search thread; a search that finds it full fails with 503.
const QUEUE: usize = 16;
/// Interval between two scans of all conversations for messages that are not indexed yet.
const SCAN_INTERVAL: Duration = Duration::from_secs(30);
/// The indexer rests this many times as long as it works.
const REST_FACTOR: u32 = 15;
/// In an active conversation the latest messages are indexed after a pause of this length.
const QUIET_AFTER: Duration = Duration::from_secs(600);

/// Concurrent searches: half of the cores, which leaves the other half to everything else. At least two: an account has one
/// search running at a time, and others must not wait until it ends.
pub(crate) fn threads() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    (cores / 2).max(2)
}

/// Starts the search threads and the indexer. Dropping the indexer stops it.
pub(crate) fn start(db: &Arc<Db>) -> std::io::Result<(SearchService, SearchIndexer)> {
    let settings = SearchSettings { threads: threads(), queue: QUEUE };
    let search = SearchService::new(Arc::new(PgSearchRepository::start(db, settings)?));
    Ok((
        search,
        SearchIndexer::start(
            db,
            IndexerSettings { pause: SCAN_INTERVAL, rest: REST_FACTOR, quiet_after: QUIET_AFTER },
        )?,
    ))
}
