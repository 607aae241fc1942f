//! Blocks on PostgreSQL, kept as flags on the pair's row and as rows for the list.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use domain::block::{BlockCursor, BlockPage, BlockPageRequest, BlockRepository, BlockedUser};
use domain::conversation::{Directed, Side};
use domain::error::PortError;
use domain::id::UserId;
use domain::page::Page;
use uuid::Uuid;

use super::pair::{self, Counted};
use crate::db::{self, Db, DbError, Noted};
use crate::postgres::change::Changes;
use crate::postgres::row_values;
use crate::schema::{blocks, conversations, users};

/// Blocks on PostgreSQL.
#[derive(Clone)]
pub struct PgBlockRepository {
    db: Arc<Db>,
}

impl PgBlockRepository {
    /// Creates the repository on `db`.
    #[must_use]
    pub const fn new(db: Arc<Db>) -> Self {
        Self { db }
    }
}

/// Copies the block to the pair's row, which every send reads anyway, and hides or shows what the two read.
fn set_block_flag(connection: &mut PgConnection, owner: Directed, blocks: bool) -> Result<(), DbError> {
    let row = conversations::table.find(owner.pair.conversation_id().as_uuid());
    match owner.side {
        Side::Low => diesel::update(row).set(conversations::lo_blocks.eq(blocks)).execute(connection)?,
        Side::High => diesel::update(row).set(conversations::hi_blocks.eq(blocks)).execute(connection)?,
    };
    pair::hide_or_show_reads(connection, &owner.pair)
}

/// Stamps the owner's own rows only, never the pair: the other must not learn of it.
fn block(connection: &mut PgConnection, owner: Directed) -> Result<Noted<bool>, DbError> {
    if !pair::both_exist_counted(connection, &owner.pair, Counted::One(owner.side))? {
        return Ok(Noted::nothing(false));
    }
    let mut changes = Changes::default();
    changes.own(connection, owner.user())?;
    pair::lock_or_create(connection, &owner.pair)?;
    diesel::insert_into(blocks::table)
        .values((
            blocks::owner_id.eq(owner.user().as_uuid()),
            blocks::blocked_id.eq(owner.peer().as_uuid()),
            blocks::created_at.eq(db::clock_timestamp()),
        ))
        .on_conflict_do_nothing()
        .execute(connection)?;
    set_block_flag(connection, owner, true)?;
    changes.member(connection, owner.pair.conversation_id(), owner.user())?;
    Ok(changes.with(true))
}

fn unblock(connection: &mut PgConnection, owner: Directed) -> Result<Noted<bool>, DbError> {
    // A block on an erased account can still be lifted.
    let (user, peer) = (owner.user().as_uuid(), owner.peer().as_uuid());
    if !diesel::select(diesel::dsl::exists(users::table.find(peer))).get_result(connection)? {
        return Ok(Noted::nothing(false));
    }
    let mut changes = Changes::default();
    // Before the pair: accounts are locked first.
    changes.own(connection, owner.user())?;
    if pair::lock(connection, owner.pair.conversation_id())?.is_none() {
        return Ok(changes.with(true));
    }
    diesel::delete(blocks::table.find((user, peer))).execute(connection)?;
    set_block_flag(connection, owner, false)?;
    changes.member(connection, owner.pair.conversation_id(), owner.user())?;
    Ok(changes.with(true))
}

#[derive(Queryable)]
struct BlockedUserRow {
    id: Uuid,
    state: String,
    uid: String,
    name: String,
    blocked_at: DateTime<Utc>,
}

impl BlockedUserRow {
    fn into_domain(self) -> Result<BlockedUser, DbError> {
        let user_id = UserId::from_uuid(self.id);
        Ok(BlockedUser {
            user_id,
            uid: row_values::display_uid_from_row(user_id, &self.state, &self.uid)?,
            name: row_values::display_name_from_row(user_id, &self.state, &self.name)?,
            created_at: self.blocked_at,
        })
    }
}

pub(in crate::postgres) fn list(
    connection: &mut PgConnection,
    owner: UserId,
    page: &BlockPageRequest,
) -> Result<BlockPage, DbError> {
    let mut rows = blocks::table
        .inner_join(users::table.on(users::id.eq(blocks::blocked_id)))
        .filter(blocks::owner_id.eq(owner.as_uuid()))
        .into_boxed();
    if let Some(after) = page.after {
        // A separate bound, because the index scan can only start at this condition.
        let bound = blocks::created_at.le(after.created_at);
        let earlier = blocks::created_at.lt(after.created_at);
        rows = rows.filter(bound.and(earlier.or(blocks::blocked_id.lt(after.user_id.as_uuid()))));
    }
    let rows: Vec<BlockedUserRow> = rows
        .order((blocks::created_at.desc(), blocks::blocked_id.desc()))
        .limit(page.limit.get() + 1)
        .select((users::id, users::state, users::uid, users::name, blocks::created_at))
        .load(connection)?;
    let users: Vec<_> = rows.into_iter().map(BlockedUserRow::into_domain).collect::<Result<_, _>>()?;
    Ok(Page::from_lookahead(users, page.limit, |user| BlockCursor {
        created_at: user.created_at,
        user_id: user.user_id,
    }))
}

#[async_trait]
impl BlockRepository for PgBlockRepository {
    async fn block(&self, owner: Directed) -> Result<bool, PortError> {
        self.db.change(move |connection| block(connection, owner)).await
    }

    async fn unblock(&self, owner: Directed) -> Result<bool, PortError> {
        self.db.change(move |connection| unblock(connection, owner)).await
    }

    async fn list(&self, owner: UserId, page: &BlockPageRequest) -> Result<BlockPage, PortError> {
        let page = page.clone();
        self.db.run(move |connection| list(connection, owner, &page)).await
    }
}
