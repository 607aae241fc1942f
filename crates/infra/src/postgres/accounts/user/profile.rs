//! Profiles: a user as seen by another user.

use diesel::PgConnection;
use diesel::prelude::*;
use domain::account::{Profile, Relation, Uid};
use domain::conversation::Pair;
use domain::id::UserId;
use uuid::Uuid;

use super::lookup::with_uid;
use crate::db::{self, DbError};
use crate::postgres::row_values;
use crate::schema::{blocks, friendship_requests, friendships, users};

#[derive(Queryable, Selectable)]
#[diesel(table_name = users)]
struct ProfileRow {
    id: Uuid,
    uid: String,
    name: String,
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
    let user_id = UserId::from_uuid(row.id);
    Ok(Some(Profile {
        user_id,
        uid: row_values::uid(user_id, &row.uid)?,
        name: row_values::nickname(user_id, &row.name)?,
        relation: relation(connection, viewer, user_id)?,
    }))
}
