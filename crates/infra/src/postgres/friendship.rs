//! Friendships on PostgreSQL, one row per side.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use domain::conversation::Directed;
use domain::error::PortError;
use domain::friendship::{Friend, FriendCursor, FriendPage, FriendPageRequest, FriendshipRepository, Remark};
use domain::id::{FriendshipId, UserId};
use domain::page::Page;
use uuid::Uuid;

use super::{pair, repository, row_values};
use crate::db::DbError;
use crate::schema::{conversation_members, conversations, friendships, users};

repository! {
    /// Friendships on PostgreSQL.
    PgFriendshipRepository
}

type FriendRow = (Uuid, Uuid, String, String, String, String, DateTime<Utc>);

fn friend(row: FriendRow) -> Result<Friend, DbError> {
    let (friendship_id, friend_id, state, uid, name, remark, created_at) = row;
    let friend_id = UserId::from_uuid(friend_id);
    Ok(Friend {
        friendship_id: FriendshipId::from_uuid(friendship_id),
        friend_id,
        friend_name: row_values::display_name_from_row(friend_id, &state, &name)?,
        friend_uid: row_values::display_uid_from_row(friend_id, &state, &uid)?,
        remark: Remark::parse(&remark).map_err(DbError::stored("friendships", "remark", friendship_id))?,
        created_at,
    })
}

pub(super) fn list(
    connection: &mut PgConnection,
    owner: UserId,
    page: &FriendPageRequest,
) -> Result<FriendPage, DbError> {
    let mut rows = friendships::table
        .inner_join(users::table.on(users::id.eq(friendships::friend_id)))
        .filter(friendships::owner_id.eq(owner.as_uuid()))
        .into_boxed();
    if let Some(after) = page.after {
        // The bound alone is what the index can begin at.
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
    let friends: Vec<_> = rows.into_iter().map(friend).collect::<Result<_, _>>()?;
    Ok(Page::from_lookahead(friends, page.limit, |friend| FriendCursor {
        created_at: friend.created_at,
        friend_id: friend.friend_id,
    }))
}

fn remove(connection: &mut PgConnection, caller: Directed) -> Result<bool, DbError> {
    let id = caller.pair.conversation_id();
    if !pair::lock(connection, id)?.is_some_and(|state| state.friends) {
        return Ok(false);
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
    Ok(true)
}

/// Notes the remark in both places. The friendship's row is the one that decides: whoever ends the friendship takes it
/// away first, so that no remark is noted after that.
fn set_remark(connection: &mut PgConnection, owner: Directed, remark: &Remark) -> Result<bool, DbError> {
    let (own, friend) = (owner.user().as_uuid(), owner.peer().as_uuid());
    let noted = diesel::update(friendships::table.find((own, friend)))
        .set(friendships::remark.eq(remark.as_str()))
        .execute(connection)?;
    if noted == 1 {
        diesel::update(conversation_members::table.find((owner.pair.conversation_id().as_uuid(), own)))
            .set(conversation_members::remark.eq(remark.as_str()))
            .execute(connection)?;
    }
    Ok(noted == 1)
}

#[async_trait]
impl FriendshipRepository for PgFriendshipRepository {
    async fn list(&self, owner: UserId, page: &FriendPageRequest) -> Result<FriendPage, PortError> {
        let page = page.clone();
        self.db.run(move |connection| list(connection, owner, &page)).await
    }

    async fn remove(&self, caller: Directed) -> Result<bool, PortError> {
        self.db.transaction(move |connection| remove(connection, caller)).await
    }

    async fn set_remark(&self, owner: Directed, remark: &Remark) -> Result<bool, PortError> {
        let remark = remark.clone();
        self.db.transaction(move |connection| set_remark(connection, owner, &remark)).await
    }
}
