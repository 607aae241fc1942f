use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use domain::block::{BlockCursor, BlockPage, BlockPageRequest, BlockRepository, BlockedUser};
use domain::conversation::{Pair, Side};
use domain::error::PortError;
use domain::id::UserId;
use domain::page::Page;
use uuid::Uuid;

use super::{pair, repository, row_values};
use crate::db::{self, DbError};
use crate::schema::{blocks, conversations, users};

repository! {
    /// Blocks on PostgreSQL.
    PgBlockRepository
}

/// Copies the block to the pair's row, which every send reads anyway.
fn set_block_flag(
    connection: &mut PgConnection,
    pair: &Pair,
    owner: UserId,
    blocks: bool,
) -> Result<(), DbError> {
    let row = conversations::table.find(pair.conversation_id().as_uuid());
    match pair.side_of(owner) {
        Some(Side::Low) => {
            diesel::update(row).set(conversations::lo_blocks.eq(blocks)).execute(connection)?
        }
        Some(Side::High) => {
            diesel::update(row).set(conversations::hi_blocks.eq(blocks)).execute(connection)?
        }
        None => return Err(DbError::Impossible("a block of somebody outside the pair")),
    };
    Ok(())
}

fn block(connection: &mut PgConnection, pair: &Pair, owner: UserId) -> Result<bool, DbError> {
    if !pair::both_exist(connection, pair)? {
        return Ok(false);
    }
    pair::lock_or_create(connection, pair)?;
    diesel::insert_into(blocks::table)
        .values((
            blocks::owner_id.eq(owner.as_uuid()),
            blocks::blocked_id.eq(pair.peer_of(owner).as_uuid()),
            blocks::created_at.eq(db::clock_timestamp()),
        ))
        .on_conflict_do_nothing()
        .execute(connection)?;
    set_block_flag(connection, pair, owner, true)?;
    Ok(true)
}

fn unblock(connection: &mut PgConnection, pair: &Pair, owner: UserId) -> Result<bool, DbError> {
    // A block on an erased account can still be lifted.
    let peer = users::table.find(pair.peer_of(owner).as_uuid());
    if !diesel::select(diesel::dsl::exists(peer)).get_result(connection)? {
        return Ok(false);
    }
    if pair::lock(connection, pair.conversation_id())?.is_none() {
        return Ok(true);
    }
    diesel::delete(blocks::table.find((owner.as_uuid(), pair.peer_of(owner).as_uuid())))
        .execute(connection)?;
    set_block_flag(connection, pair, owner, false)?;
    Ok(true)
}

type BlockRow = (Uuid, String, String, String, DateTime<Utc>);

fn blocked(row: BlockRow) -> Result<BlockedUser, DbError> {
    let (user_id, state, uid, name, created_at) = row;
    let user_id = UserId::from_uuid(user_id);
    Ok(BlockedUser {
        user_id,
        uid: row_values::display_uid_from_row(user_id, &state, &uid)?,
        name: row_values::display_name_from_row(user_id, &state, &name)?,
        created_at,
    })
}

pub(super) fn list(
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
    let rows: Vec<BlockRow> = rows
        .order((blocks::created_at.desc(), blocks::blocked_id.desc()))
        .limit(page.limit.get() + 1)
        .select((users::id, users::state, users::uid, users::name, blocks::created_at))
        .load(connection)?;
    let users: Vec<_> = rows.into_iter().map(blocked).collect::<Result<_, _>>()?;
    Ok(Page::from_lookahead(users, page.limit, |user| BlockCursor {
        created_at: user.created_at,
        user_id: user.user_id,
    }))
}

#[async_trait]
impl BlockRepository for PgBlockRepository {
    async fn block(&self, pair: &Pair, owner: UserId) -> Result<bool, PortError> {
        let pair = *pair;
        self.db.transaction(move |connection| block(connection, &pair, owner)).await
    }

    async fn unblock(&self, pair: &Pair, owner: UserId) -> Result<bool, PortError> {
        let pair = *pair;
        self.db.transaction(move |connection| unblock(connection, &pair, owner)).await
    }

    async fn list(&self, owner: UserId, page: &BlockPageRequest) -> Result<BlockPage, PortError> {
        let page = page.clone();
        self.db.run(move |connection| list(connection, owner, &page)).await
    }
}
