//! Searching: the threads that search and the background work that makes searching fast.

use std::sync::Arc;
use std::time::Duration;

use domain::search::SearchService;
use infra::db::Db;
use infra::postgres::{IndexerSettings, PgSearchRepository, SearchIndexer, SearchSettings};

/// Searches that may wait for a thread; whoever comes when so many wait is told to come again.
const QUEUE: usize = 16;
/// How often all conversations are looked through for what is not indexed yet.
const PAUSE: Duration = Duration::from_secs(30);
/// The background work rests fifteen times as long as it works.
const REST: u32 = 15;
/// Where people are writing, the last few messages wait until they pause.
const QUIET_AFTER: Duration = Duration::from_secs(600);

/// Searches at once: half of the cores, so that they leave the others to everybody else.
pub(crate) fn threads() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    (cores / 2).max(1)
}

/// Starts both. The background work ends with the second value.
pub(crate) fn start(db: &Arc<Db>) -> std::io::Result<(SearchService, SearchIndexer)> {
    let settings = SearchSettings { threads: threads(), queue: QUEUE };
    let search = SearchService::new(Arc::new(PgSearchRepository::start(db, settings)?));
    Ok((
        search,
        SearchIndexer::start(db, IndexerSettings { pause: PAUSE, rest: REST, quiet_after: QUIET_AFTER })?,
    ))
}
