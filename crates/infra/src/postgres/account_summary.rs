//! An account with what waits for its owner.

use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use domain::account::{AccountSummary, Nickname, PhoneNumber, User};
use domain::id::UserId;
use uuid::Uuid;

use super::conversation::UNREAD;
use super::row_values::{self, ACTIVE};
use crate::db::{DbError, statement};
use crate::schema::users;

statement! {
    // The conversations are those of the list, each with its count as the list has it.
    OverviewOf<'a> { user: &'a Uuid } -> (SqlUuid, Text, Text, Nullable<Text>, Timestamptz, BigInt, BigInt);
    "SELECT u.id, u.uid, u.name, u.phone_number, u.created_at,
            (SELECT coalesce(sum(" {UNREAD} "), 0)::bigint
               FROM conversation_members m JOIN conversations c ON c.id = m.conversation_id
              WHERE m.user_id = u.id AND (NOT m.hidden OR c.last_seq > m.cleared_seq)),
            (SELECT count(*) FROM friendship_requests r
              WHERE r.receiver_id = u.id AND r.status = 'pending' AND r.expires_at > clock_timestamp())
       FROM users u
      WHERE u.id = " [user: SqlUuid] " AND u.state = 'active'"
}

type Row = (Uuid, String, String, Option<String>, DateTime<Utc>, i64, i64);

fn understood(row: Row) -> Result<AccountSummary, DbError> {
    let (id, uid, name, phone_number, created_at, unread_total, pending_requests) = row;
    let id = UserId::from_uuid(id);
    let phone_number = phone_number.as_deref().map(PhoneNumber::parse).transpose();
    let user = User {
        id,
        uid: row_values::uid(id, &uid)?,
        name: row_values::nickname(id, &name)?,
        phone_number: phone_number.map_err(DbError::stored("users", "phone_number", id))?,
        created_at,
    };
    Ok(AccountSummary { user, unread_total, pending_requests })
}

pub(super) fn find(connection: &mut PgConnection, id: UserId) -> Result<Option<AccountSummary>, DbError> {
    let row = OverviewOf { user: &id.as_uuid() }.get_result(connection).optional()?;
    row.map(understood).transpose()
}

pub(super) fn rename(
    connection: &mut PgConnection,
    id: UserId,
    name: &Nickname,
) -> Result<Option<AccountSummary>, DbError> {
    diesel::update(users::table.find(id.as_uuid()).filter(users::state.eq(ACTIVE)))
        .set(users::name.eq(name.as_str()))
        .execute(connection)?;
    find(connection, id)
}
