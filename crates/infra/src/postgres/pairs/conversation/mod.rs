//! Conversations on PostgreSQL. Concurrent reads of one kind share a statement.

use std::sync::Arc;

use async_trait::async_trait;
use diesel::PgConnection;
use diesel::prelude::*;
use domain::conversation::{
    ConversationPage, ConversationPageRequest, ConversationRepository, ConversationWindow, Preferences,
    ReadPosition, WindowRequest,
};
use domain::error::PortError;
use domain::id::{ConversationId, UserId};
use domain::message::Seq;

use super::pair;
use crate::db::{Db, DbError, Noted, ReadBatcher};
use crate::postgres::change::Changes;
use crate::schema::conversation_members;

mod gaps;
mod list;
mod read;
mod view;
mod window;
mod window_page;

use list::{ListQuery, ListResult};
pub(in crate::postgres) use list::{ListedEntry, PreviewColumns, RelationColumns, ViewColumns};
pub(in crate::postgres) use read::UNREAD;
pub(in crate::postgres) use view::{OWN_KEY, PeerColumns, batch_entry};
use window::WindowResult;
use window_page::WindowQuery;

/// Maximum number of windows per statement. A larger batch saves little, and its first request waits for the last.
const MAX_WINDOW_BATCH: usize = 16;
/// Maximum number of lists per statement; fewer, because a list can be long.
const MAX_LIST_BATCH: usize = 8;

/// Members' views of their conversations, on PostgreSQL.
#[derive(Clone)]
pub struct PgConversationRepository {
    db: Arc<Db>,
    lists: ReadBatcher<ListQuery, ListResult>,
    windows: ReadBatcher<WindowQuery, WindowResult>,
}

impl PgConversationRepository {
    /// Creates the repository on `db`.
    #[must_use]
    pub fn new(db: Arc<Db>) -> Self {
        let lists = ReadBatcher::new(Arc::clone(&db), MAX_LIST_BATCH, list::lists);
        let windows = ReadBatcher::new(Arc::clone(&db), MAX_WINDOW_BATCH, window::windows);
        Self { db, lists, windows }
    }
}

#[derive(AsChangeset)]
#[diesel(table_name = conversation_members)]
struct PreferencesRow {
    pinned: Option<bool>,
    muted: Option<bool>,
}

fn set_preferences(
    connection: &mut PgConnection,
    member: UserId,
    conversation: ConversationId,
    preferences: Preferences,
) -> Result<Noted<bool>, DbError> {
    let row = conversation_members::table.find((conversation.as_uuid(), member.as_uuid()));
    let Preferences { pinned, muted } = preferences;
    if pinned.is_none() && muted.is_none() {
        let exists = diesel::select(diesel::dsl::exists(row)).get_result(connection)?;
        return Ok(Noted::nothing(exists));
    }
    if diesel::update(row).set(PreferencesRow { pinned, muted }).execute(connection)? == 0 {
        return Ok(Noted::nothing(false));
    }
    let mut changes = Changes::default();
    changes.member(connection, conversation, member)?;
    Ok(changes.with(true))
}

fn clear(
    connection: &mut PgConnection,
    conversation: ConversationId,
    member: UserId,
) -> Result<Noted<bool>, DbError> {
    if !pair::clear_side(connection, conversation, member)? {
        return Ok(Noted::nothing(false));
    }
    let mut changes = Changes::default();
    changes.member(connection, conversation, member)?;
    Ok(changes.with(true))
}

#[async_trait]
impl ConversationRepository for PgConversationRepository {
    async fn list(
        &self,
        member: UserId,
        page: &ConversationPageRequest,
    ) -> Result<ConversationPage, PortError> {
        self.lists.read(ListQuery { member, page: page.clone() }).await?
    }

    async fn window(
        &self,
        member: UserId,
        conversation: ConversationId,
        request: &WindowRequest,
    ) -> Result<Option<ConversationWindow>, PortError> {
        self.windows.read(WindowQuery { member, conversation, request: *request }).await?
    }

    async fn mark_read(
        &self,
        member: UserId,
        conversation: ConversationId,
        seq: Seq,
    ) -> Result<Option<ReadPosition>, PortError> {
        self.db.change(move |connection| read::mark_read(connection, member, conversation, seq)).await
    }

    async fn set_preferences(
        &self,
        member: UserId,
        conversation: ConversationId,
        preferences: Preferences,
    ) -> Result<bool, PortError> {
        self.db.change(move |connection| set_preferences(connection, member, conversation, preferences)).await
    }

    async fn clear(&self, member: UserId, conversation: ConversationId) -> Result<bool, PortError> {
        self.db.change(move |connection| clear(connection, conversation, member)).await
    }
}
