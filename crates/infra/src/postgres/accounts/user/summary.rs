//! The account summary: the own account with its unread and pending counters.

use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use domain::account::{AccountSummary, Nickname, ProfileChange, Sharing};
use domain::id::UserId;
use uuid::Uuid;

use super::lookup::UserRow;
use crate::db::{DbError, Noted, statement};
use crate::postgres::change::Changes;
use crate::postgres::pairs::conversation::UNREAD;
use crate::postgres::row_values::ACTIVE;
use crate::schema::users;

statement! {
    // Sums the unread counts of exactly the conversations that the list shows.
    SummaryOf<'a> { user: &'a Uuid }
        -> ((SqlUuid, Text, Text, Nullable<Text>, Timestamptz), BigInt, BigInt, (Bool, Bool));
    "SELECT u.id, u.uid, u.name, u.phone_number, u.created_at,
            (SELECT coalesce(sum(" {UNREAD} "), 0)::bigint
               FROM conversation_members m JOIN conversations c ON c.id = m.conversation_id
              WHERE m.user_id = u.id AND (NOT m.hidden OR c.last_seq > m.cleared_seq)),
            (SELECT count(*) FROM friendship_requests r
              WHERE r.receiver_id = u.id AND r.status = 'pending' AND r.expires_at > clock_timestamp()
                AND (SELECT 1 WHERE NOT EXISTS (
                     SELECT FROM blocks b WHERE b.owner_id = r.receiver_id AND b.blocked_id = r.sender_id)) IS NOT NULL),
            u.share_read, u.share_typing
       FROM users u
      WHERE u.id = " [user: SqlUuid] " AND u.state = 'active'"
}

#[derive(Queryable)]
struct SummaryRow {
    user: UserRow,
    unread_total: i64,
    pending_requests: i64,
    sharing: (bool, bool),
}

impl TryFrom<SummaryRow> for AccountSummary {
    type Error = DbError;

    fn try_from(row: SummaryRow) -> Result<Self, DbError> {
        Ok(Self {
            user: row.user.try_into()?,
            unread_total: row.unread_total,
            pending_requests: row.pending_requests,
            sharing: Sharing { read: row.sharing.0, typing: row.sharing.1 },
        })
    }
}

/// `None` if the account is not active.
pub(in crate::postgres) fn find(
    connection: &mut PgConnection,
    id: UserId,
) -> Result<Option<AccountSummary>, DbError> {
    let row: Option<SummaryRow> = SummaryOf { user: &id.as_uuid() }.get_result(connection).optional()?;
    row.map(AccountSummary::try_from).transpose()
}

#[derive(AsChangeset)]
#[diesel(table_name = users)]
struct ProfileChangeset<'a> {
    name: Option<&'a str>,
    share_read: Option<bool>,
    share_typing: Option<bool>,
}

pub(super) fn change(
    connection: &mut PgConnection,
    id: UserId,
    change: &ProfileChange,
) -> Result<Noted<Option<AccountSummary>>, DbError> {
    let ProfileChange { name, share_read, share_typing } = change;
    if *change == ProfileChange::default() {
        return Ok(Noted::nothing(find(connection, id)?));
    }
    let row = users::table.find(id.as_uuid()).filter(users::state.eq(ACTIVE));
    let new = ProfileChangeset {
        name: name.as_ref().map(Nickname::as_str),
        share_read: *share_read,
        share_typing: *share_typing,
    };
    if diesel::update(row).set(new).execute(connection)? == 0 {
        return Ok(Noted::nothing(None));
    }
    let mut changes = Changes::default();
    if name.is_some() {
        changes.shown(connection, id)?;
    }
    if share_read.is_some() {
        changes.sharing(connection, id)?;
    }
    changes.own(connection, id)?;
    Ok(changes.with(find(connection, id)?))
}
