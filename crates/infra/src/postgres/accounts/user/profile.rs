//! Profiles: a user as seen by another user.

use diesel::PgConnection;
use diesel::prelude::*;
use domain::account::{Profile, Relation, Uid};
use domain::conversation::Pair;
use domain::id::UserId;
use uuid::Uuid;

use super::lookup::with_uid;
use crate::db::{self, DbError};
use crate::postgres::row_values::{self, ERASED};
use crate::schema::{blocks, friendship_requests, friendships, users};

#[derive(Queryable, Selectable)]
#[diesel(table_name = users)]
struct ProfileRow {
    id: Uuid,
    uid: String,
    name: String,
}

impl ProfileRow {
    fn into_domain(self, relation: Relation) -> Result<Profile, DbError> {
        let user_id = UserId::from_uuid(self.id);
        let (uid, name) = (row_values::uid(user_id, &self.uid)?, row_values::nickname(user_id, &self.name)?);
        Ok(Profile { user_id, uid, name, relation })
    }
}

/// The relation of `other` to `viewer`.
fn relation(connection: &mut PgConnection, viewer: UserId, other: UserId) -> Result<Relation, DbError> {
    let Some(pair) = Pair::new(viewer, other) else { return Ok(Relation::Own) };
    let friendship = friendships::table.find((viewer.as_uuid(), other.as_uuid()));
    if diesel::select(diesel::dsl::exists(friendship)).get_result(connection)? {
        return Ok(Relation::Friend);
    }
    let sender: Option<Uuid> = friendship_requests::table
        .filter(friendship_requests::conversation_id.eq(pair.conversation_id().as_uuid()))
        .filter(friendship_requests::status.eq("pending"))
        .filter(friendship_requests::expires_at.gt(db::clock_timestamp()))
        .select(friendship_requests::sender_id)
        .first(connection)
        .optional()?;
    Ok(match sender {
        None => Relation::None,
        Some(sender) if sender == viewer.as_uuid() => Relation::RequestSent,
        Some(_) if blocks_it(connection, viewer, other)? => Relation::None,
        Some(_) => Relation::RequestReceived,
    })
}

/// Whether `viewer` blocks `other`, whose requests it does not see then.
fn blocks_it(connection: &mut PgConnection, viewer: UserId, other: UserId) -> Result<bool, DbError> {
    let block = blocks::table.find((viewer.as_uuid(), other.as_uuid()));
    Ok(diesel::select(diesel::dsl::exists(block)).get_result(connection)?)
}

pub(super) fn find(
    connection: &mut PgConnection,
    viewer: UserId,
    uid: &Uid,
) -> Result<Option<Profile>, DbError> {
    let found: Option<ProfileRow> =
        with_uid(uid).select(ProfileRow::as_select()).first(connection).optional()?;
    let Some(row) = found else { return Ok(None) };
    let relation = relation(connection, viewer, UserId::from_uuid(row.id))?;
    row.into_domain(relation).map(Some)
}

/// The account with this id if it has a relation to `viewer`. The relation is looked up first, so that the work is the same for an
/// unrelated account as for one that does not exist.
pub(super) fn find_related(
    connection: &mut PgConnection,
    viewer: UserId,
    other: UserId,
) -> Result<Option<Profile>, DbError> {
    let relation = relation(connection, viewer, other)?;
    if relation == Relation::None {
        return Ok(None);
    }
    let found: Option<ProfileRow> = users::table
        .find(other.as_uuid())
        .filter(users::state.ne(ERASED))
        .select(ProfileRow::as_select())
        .first(connection)
        .optional()?;
    found.map(|row| row.into_domain(relation)).transpose()
}
