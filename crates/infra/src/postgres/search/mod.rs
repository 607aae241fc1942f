//! Full-text search on PostgreSQL: an index of folded text blocks, the indexer that writes it, and the search that reads it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::error::PortError;
use domain::id::UserId;
use domain::search::{SearchPage, SearchRepository, SearchRequest};

use crate::db::{Connections, Db};
use crate::runtime::thread_pool::{JobClass, PoolSize, ThreadPool};
use crate::runtime::watched_thread::StallLimits;

mod block;
mod find;
mod index;
mod indexer;
mod read;
mod sources;

pub(super) use index::forget;
pub use indexer::{IndexerSettings, SearchIndexer};

/// How many searches run and wait.
#[derive(Debug, Clone, Copy)]
pub struct SearchSettings {
    /// Threads that search, each with a connection while it works.
    pub threads: usize,
    /// Searches that may wait for a thread.
    pub queue: usize,
}

/// The search index on PostgreSQL. Searches have threads of their own, so they never delay other reads.
pub struct PgSearchRepository {
    connections: Connections,
    threads: ThreadPool,
}

impl PgSearchRepository {
    /// Longest time a search may wait for a thread before it fails as unavailable.
    const MAX_QUEUE_WAIT: Duration = Duration::from_secs(2);

    /// Searches in `db`; starts the threads.
    ///
    /// # Errors
    /// When the system cannot start another thread.
    pub fn start(db: &Arc<Db>, settings: SearchSettings) -> std::io::Result<Self> {
        let worker = db.watched_worker("search", StallLimits::REQUESTS)?;
        let size = PoolSize::of_one_class(settings.threads.max(1), settings.queue);
        let limits = db.patience().job_limits(Self::MAX_QUEUE_WAIT);
        let threads = ThreadPool::start("search", worker, size, limits, || ())?;
        Ok(Self { connections: db.connections(), threads })
    }
}

#[async_trait]
impl SearchRepository for PgSearchRepository {
    async fn find(&self, member: UserId, request: &SearchRequest) -> Result<Option<SearchPage>, PortError> {
        let (connections, request) = (self.connections.clone(), request.clone());
        let search = move || {
            connections.with(&|connection| {
                let mut snapshot = connection.build_transaction().read_only().repeatable_read();
                snapshot.run(|connection| find::find(connection, member, &request))
            })
        };
        match self.threads.run(JobClass::Read, search).await {
            Ok(result) => result,
            Err(error) => Err(error.into_port_error(Db::RETRY_AFTER)),
        }
    }
}
