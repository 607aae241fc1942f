//! Who sees that a member is writing.

use std::sync::Arc;

use async_trait::async_trait;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Uuid as SqlUuid};
use domain::error::PortError;
use domain::id::{ConversationId, UserId};
use domain::realtime::{TypingRelation, TypingRelations};
use uuid::Uuid;

use crate::db::{Db, statement};

statement! {
    Relation<'a> { conversation: &'a Uuid, member: &'a Uuid } -> (SqlUuid, Bool, Bool, Bool);
    "SELECT m.peer_id, c.friends, c.lo_blocks OR c.hi_blocks, me.share_typing AND u.share_typing
       FROM conversation_members m
       JOIN conversations c ON c.id = m.conversation_id
       JOIN users me ON me.id = m.user_id
       JOIN users u ON u.id = m.peer_id
      WHERE m.conversation_id = " [conversation: SqlUuid] " AND m.user_id = " [member: SqlUuid]
}

/// [`TypingRelations`] on PostgreSQL.
#[derive(Clone)]
pub struct PgTypingRelations(Arc<Db>);

impl PgTypingRelations {
    /// Creates the reader on `db`.
    #[must_use]
    pub const fn new(db: Arc<Db>) -> Self {
        Self(db)
    }
}

#[async_trait]
impl TypingRelations for PgTypingRelations {
    async fn typing_relation(
        &self,
        writer: UserId,
        conversation: ConversationId,
    ) -> Result<Option<TypingRelation>, PortError> {
        let (conversation, member) = (conversation.as_uuid(), writer.as_uuid());
        let read = self.0.run(move |connection| {
            let statement = Relation { conversation: &conversation, member: &member };
            Ok(statement.get_result::<(Uuid, bool, bool, bool)>(connection).optional()?)
        });
        let found = read.await?.map(|(peer, friends, blocked, shared)| TypingRelation {
            peer: UserId::from_uuid(peer),
            friends,
            blocked,
            shared,
        });
        Ok(found)
    }
}
