//! The entry of one conversation.

use diesel::Queryable;
use domain::id::{ConversationId, UserId};
use domain::message::Seq;
use domain::realtime::SyncedConversation;
use uuid::Uuid;

use crate::db::DbError;
use crate::postgres::pairs::conversation::{
    ListedEntry, PeerColumns, PreviewColumns, RelationColumns, ViewColumns,
};

/// A conversation and the columns of its entry, which mean nothing without a conversation.
#[derive(Queryable)]
pub(super) struct EntryRow {
    conversation: Option<Uuid>,
    peer: PeerColumns,
    relation: RelationColumns,
    view: ViewColumns,
    preview: PreviewColumns,
    shared: SyncColumns,
}

/// What the list does not show.
#[derive(Queryable)]
pub(super) struct SyncColumns {
    cleared_seq: i64,
    hidden: bool,
    recalled: Vec<i64>,
    deleted: Vec<i64>,
}

impl EntryRow {
    pub(super) fn into_domain(self, member: UserId) -> Result<Option<SyncedConversation>, DbError> {
        let Self { conversation, peer, relation, view, preview, shared } = self;
        let Some(conversation) = conversation.map(ConversationId::from_uuid) else { return Ok(None) };
        let seqs = |seqs: Vec<i64>| seqs.into_iter().map(Seq::new).collect();
        Ok(Some(SyncedConversation {
            entry: ListedEntry { conversation, peer, relation, view, preview }.into_domain(member)?,
            cleared_seq: Seq::new(shared.cleared_seq),
            hidden: shared.hidden,
            recalled: seqs(shared.recalled),
            deleted: seqs(shared.deleted),
        }))
    }
}
