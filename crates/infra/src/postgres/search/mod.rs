//! Searching: the blocks, how they are written, and how a search reads them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::error::PortError;
use domain::id::UserId;
use domain::search::{SearchPage, SearchRepository, SearchRequest};

use crate::db::{Connections, Db};
use crate::threads::{JobError, Threads};

mod block;
mod find;
mod index;
mod indexer;
mod read;
mod sources;

pub(super) use index::forget;
pub use indexer::{IndexerSettings, SearchIndexer};

/// How many may search at once.
#[derive(Debug, Clone, Copy)]
pub struct SearchSettings {
    /// Threads that search, each with a connection of its own while it does.
    pub threads: usize,
    /// Searches that may wait for one of them.
    pub queue: usize,
}

/// Searches on PostgreSQL, on threads of their own, so that they never hold up other reads.
pub struct PgSearchRepository {
    connections: Connections,
    threads: Threads,
}

impl PgSearchRepository {
    /// How long a search waits for its turn before its caller is told to come again.
    const PATIENCE: Duration = Duration::from_secs(2);

    /// Searches in `db`, and starts the threads that do.
    ///
    /// # Errors
    /// When the system starts no more threads.
    pub fn start(db: &Arc<Db>, settings: SearchSettings) -> std::io::Result<Self> {
        let threads = Threads::start("search", settings.threads.max(1), settings.queue, Self::PATIENCE)?;
        Ok(Self { connections: db.connections(), threads })
    }
}

#[async_trait]
impl SearchRepository for PgSearchRepository {
    async fn find(&self, member: UserId, request: &SearchRequest) -> Result<Option<SearchPage>, PortError> {
        let (connections, request) = (self.connections.clone(), request.clone());
        let search = move || {
            connections.with(&|connection| {
                let mut one_moment = connection.build_transaction().read_only().repeatable_read();
                one_moment.run(|connection| find::find(connection, member, &request))
            })
        };
        match self.threads.run(search).await {
            Ok(result) => result,
            Err(error @ JobError::Panicked(_)) => Err(PortError::internal(error)),
            Err(error) => Err(PortError::unavailable(Db::RETRY_AFTER, error)),
        }
    }
}
