//! Catching up on PostgreSQL: several accounts' requests in one statement, on the primary.
//!
//! | file | content |
//! |---|---|
//! | `statement` | reads what has changed since a cursor by change stamps |
//! | `entry`, `page` | the rows of that statement as entries and pages |
//! | `lineage` | the witness that a database has everything that a cursor has seen |
//! | `parts` | which parts of an entry have changed, for those who are sent each change |
//! | `poll` | wakes those who wait for changes that other instances commit |

mod concerned;
mod entry;
mod lineage;
mod page;
mod parts;
mod poll;
mod statement;

use std::sync::Arc;

use async_trait::async_trait;
use domain::error::PortError;
use domain::id::{ConversationId, UserId};
use domain::realtime::{ChangeReader, ChangedParts, ReadPoint, SyncPage, SyncRequest};

use crate::db::{Db, ReadBatcher};

pub use poll::ChangePoll;
use statement::{SyncQuery, SyncResult};

/// Maximum number of requests per statement; few, because an account can have many conversations.
const MAX_BATCH: usize = 8;

/// [`ChangeReader`] on PostgreSQL.
#[derive(Clone)]
pub struct PgChangeReader {
    reads: ReadBatcher<SyncQuery, SyncResult>,
    db: Arc<Db>,
}

impl PgChangeReader {
    /// Creates the reader on `db`.
    #[must_use]
    pub fn new(db: Arc<Db>) -> Self {
        Self { reads: ReadBatcher::new(Arc::clone(&db), MAX_BATCH, page::pages), db }
    }
}

#[async_trait]
impl ChangeReader for PgChangeReader {
    async fn read(&self, user: UserId, request: &SyncRequest) -> Result<SyncPage, PortError> {
        self.reads.read(SyncQuery { user, request: request.clone() }).await?
    }

    async fn parts(
        &self,
        user: UserId,
        since: &ReadPoint,
        conversations: &[ConversationId],
    ) -> Result<Vec<ChangedParts>, PortError> {
        let (since, conversations) = (since.clone(), conversations.to_vec());
        self.db.run(move |connection| parts::changed(connection, user, &since, &conversations)).await
    }
}
