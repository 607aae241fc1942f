//! The caller's own account with its unread and pending counters.

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
    // The subquery sums the unread counts of exactly the conversations in the list, computed as the list computes them.
    SelectAccountSummary<'a> { user: &'a Uuid } -> (SqlUuid, Text, Text, Nullable<Text>, Timestamptz, BigInt, BigInt);
    "SELECT u.id, u.uid, u.name, u.phone_number, u.created_at,
            (SELECT coalesce(sum(" {UNREAD} "), 0)::bigint
               FROM conversation_members m JOIN conversations c ON c.id = m.conversation_id
              WHERE m.user_id = u.id AND (NOT m.hidden OR c.last_seq > m.cleared_seq)),
            (SELECT count(*) FROM friendship_requests r
              WHERE r.receiver_id = u.id AND r.status = 'pending' AND r.expires_at > clock_timestamp())
       FROM users u
      WHERE u.id = " [user: SqlUuid] " AND u.state = 'active'"
}

#[derive(Queryable)]
struct AccountSummaryRow {
    id: Uuid,
    uid: String,
    name: String,
    phone_number: Option<String>,
    created_at: DateTime<Utc>,
    unread_total: i64,
    pending_requests: i64,
}

impl TryFrom<AccountSummaryRow> for AccountSummary {
    type Error = DbError;

    fn try_from(row: AccountSummaryRow) -> Result<Self, DbError> {
        let id = UserId::from_uuid(row.id);
        let phone_number = row.phone_number.as_deref().map(PhoneNumber::parse).transpose();
        let user = User {
            id,
            uid: row_values::uid(id, &row.uid)?,
            name: row_values::nickname(id, &row.name)?,
            phone_number: phone_number.map_err(DbError::stored("users", "phone_number", id))?,
            created_at: row.created_at,
        };
        Ok(Self { user, unread_total: row.unread_total, pending_requests: row.pending_requests })
    }
}

/// `None` if the account is not active.
pub(super) fn find(connection: &mut PgConnection, id: UserId) -> Result<Option<AccountSummary>, DbError> {
    let user = id.as_uuid();
    let row: Option<AccountSummaryRow> =
        SelectAccountSummary { user: &user }.get_result(connection).optional()?;
    row.map(AccountSummary::try_from).transpose()
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
