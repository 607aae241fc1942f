//! Friendships on PostgreSQL, one row per side.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use domain::conversation::{Directed, Pair};
use domain::error::PortError;
use domain::friendship::{Friend, FriendCursor, FriendPage, FriendPageRequest, FriendshipRepository, Remark};
use domain::id::{FriendshipId, UserId};
use domain::page::Page;
use uuid::Uuid;

use super::pair;
use crate::db::{Db, DbError, Noted};
use crate::postgres::change::Changes;
use crate::postgres::row_values;
use crate::schema::{conversation_members, conversations, friendships, users};

/// [`FriendshipRepository`] on PostgreSQL.
#[derive(Clone)]
pub struct PgFriendshipRepository {
    db: Arc<Db>,
}

impl PgFriendshipRepository {
    /// Stores friendships in `db`.
    #[must_use]
    pub const fn new(db: Arc<Db>) -> Self {
        Self { db }
    }
}

#[derive(Queryable)]
struct FriendRow {
    friendship_id: Uuid,
    friend_id: Uuid,
    state: String,
    uid: String,
    name: String,
    remark: String,
    created_at: DateTime<Utc>,
}

#[expect(clippy::needless_pass_by_value, reason = "the row becomes the friend")]
fn friend(owner: UserId, row: FriendRow) -> Result<Friend, DbError> {
    let friend_id = UserId::from_uuid(row.friend_id);
    let pair =
        Pair::new(owner, friend_id).ok_or(DbError::Impossible("friendships: both are the same user"))?;
    let remark = Remark::parse(&row.remark);
    Ok(Friend {
        friendship_id: FriendshipId::from_uuid(row.friendship_id),
        friend_id,
        conversation_id: pair.conversation_id(),
        friend_name: row_values::display_name_from_row(friend_id, &row.state, &row.name)?,
        friend_uid: row_values::display_uid_from_row(friend_id, &row.state, &row.uid)?,
        remark: remark.map_err(DbError::stored("friendships", "remark", row.friendship_id))?,
        created_at: row.created_at,
    })
}

pub(in crate::postgres) fn list(
    connection: &mut PgConnection,
    owner: UserId,
    page: &FriendPageRequest,
) -> Result<FriendPage, DbError> {
    let mut rows = friendships::table
        .inner_join(users::table.on(users::id.eq(friendships::friend_id)))
        .filter(friendships::owner_id.eq(owner.as_uuid()))
        .into_boxed();
    if let Some(after) = page.after {
        // The index scan can start only at a plain bound, which the exact condition alone does not give.
        let bound = friendships::created_at.le(after.created_at);
        let earlier = friendships::created_at.lt(after.created_at);
        rows = rows.filter(bound.and(earlier.or(friendships::friend_id.lt(after.friend_id.as_uuid()))));
    }
    let rows: Vec<FriendRow> = rows
        .order((friendships::created_at.desc(), friendships::friend_id.desc()))
        .limit(page.limit.get() + 1)
        .select((
            friendships::friendship_id,
            friendships::friend_id,
            users::state,
            users::uid,
            users::name,
            friendships::remark,
            friendships::created_at,
        ))
        .load(connection)?;
    let friends: Vec<_> = rows.into_iter().map(|row| friend(owner, row)).collect::<Result<_, _>>()?;
    Ok(Page::from_lookahead(friends, page.limit, |friend| FriendCursor {
        created_at: friend.created_at,
        friend_id: friend.friend_id,
    }))
}

fn remove(connection: &mut PgConnection, caller: Directed) -> Result<Noted<bool>, DbError> {
    let id = caller.pair.conversation_id();
    if !pair::lock(connection, id)?.is_some_and(|state| state.friends) {
        return Ok(Noted::nothing(false));
    }
    diesel::update(conversations::table.find(id.as_uuid()))
        .set(conversations::friends.eq(false))
        .execute(connection)?;
    let (lo, hi) = (caller.pair.lo().as_uuid(), caller.pair.hi().as_uuid());
    diesel::delete(friendships::table.find((lo, hi))).execute(connection)?;
    diesel::delete(friendships::table.find((hi, lo))).execute(connection)?;
    let members = conversation_members::table.filter(conversation_members::conversation_id.eq(id.as_uuid()));
    diesel::update(members.filter(conversation_members::remark.ne("")))
        .set(conversation_members::remark.eq(""))
        .execute(connection)?;
    pair::clear_side(connection, id, caller.user())?;
    let mut changes = Changes::default();
    changes.relation(connection, &caller.pair)?;
    changes.member(connection, id, caller.user())?;
    Ok(changes.with(true))
}

/// Writes the remark to the friendship's row and to its copy in the member's row. The friendship's row is updated first: ending
/// the friendship deletes it, so that no remark can be written afterwards.
fn set_remark(
    connection: &mut PgConnection,
    owner: Directed,
    remark: &Remark,
) -> Result<Noted<bool>, DbError> {
    let mut changes = Changes::default();
    // The list of friends has the remark too. Accounts are locked first.
    changes.own(connection, owner.user())?;
    let (own, friend) = (owner.user().as_uuid(), owner.peer().as_uuid());
    let updated = diesel::update(friendships::table.find((own, friend)))
        .set(friendships::remark.eq(remark.as_str()))
        .execute(connection)?;
    if updated == 1 {
        diesel::update(conversation_members::table.find((owner.pair.conversation_id().as_uuid(), own)))
            .set(conversation_members::remark.eq(remark.as_str()))
            .execute(connection)?;
        changes.member(connection, owner.pair.conversation_id(), owner.user())?;
    }
    Ok(changes.with(updated == 1))
}

#[async_trait]
impl FriendshipRepository for PgFriendshipRepository {
    async fn list(&self, owner: UserId, page: &FriendPageRequest) -> Result<FriendPage, PortError> {
        let page = page.clone();
        self.db.run(move |connection| list(connection, owner, &page)).await
    }

    async fn remove(&self, caller: Directed) -> Result<bool, PortError> {
        self.db.change(move |connection| remove(connection, caller)).await
    }

    async fn set_remark(&self, owner: Directed, remark: &Remark) -> Result<bool, PortError> {
        let remark = remark.clone();
        self.db.change(move |connection| set_remark(connection, owner, &remark)).await
    }
}
