//! What is counted before somebody has one more request or one more friend. Whoever is counted is locked meanwhile.

use std::num::NonZeroU32;

use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Timestamptz, Uuid as SqlUuid};
use domain::conversation::Directed;
use domain::friendship::{FriendLimit, decide_friendship};
use domain::friendship_request::{NewRequest, RequestAllowance};
use domain::id::UserId;
use uuid::Uuid;

use crate::db::{DbError, statement};
use crate::schema::friendships;

statement! {
    // The status is written out, so that the index of those that wait is known to hold all that is wanted.
    Waiting<'a> { sender: &'a Uuid, now: DateTime<Utc> } -> (BigInt);
    "SELECT count(*) FROM friendship_requests
      WHERE sender_id = " [sender: SqlUuid] " AND status = 'pending' AND expires_at > " [now: Timestamptz]
}

statement! {
    AskedBefore<'a> { sender: &'a Uuid, others_since: i64 } -> (Timestamptz);
    "SELECT created_at FROM friendship_requests
      WHERE sender_id = " [sender: SqlUuid]
    " ORDER BY created_at DESC, id DESC OFFSET " [others_since: BigInt] " LIMIT 1"
}

/// What decides whether the sender of `request` may have one more.
pub(super) fn opening(
    connection: &mut PgConnection,
    request: &NewRequest,
    now: DateTime<Utc>,
) -> Result<RequestAllowance, DbError> {
    let sender = request.from.user().as_uuid();
    let (pending,): (i64,) = Waiting { sender: &sender, now }.get_result(connection)?;
    let quota_window_start = match request.rules.per_day {
        Some(quota) => quota_window_start(connection, sender, quota)?,
        None => None,
    };
    Ok(RequestAllowance { pending, quota_window_start, now })
}

fn quota_window_start(
    connection: &mut PgConnection,
    sender: Uuid,
    quota: NonZeroU32,
) -> Result<Option<DateTime<Utc>>, DbError> {
    let others_since = i64::from(quota.get()) - 1;
    let found = AskedBefore { sender: &sender, others_since }.get_result::<(DateTime<Utc>,)>(connection);
    Ok(found.optional()?.map(|(asked_at,)| asked_at))
}

fn friends_of(connection: &mut PgConnection, owner: UserId) -> Result<i64, DbError> {
    Ok(friendships::table.filter(friendships::owner_id.eq(owner.as_uuid())).count().get_result(connection)?)
}

/// Whether the caller and the peer may become friends; a refusal is worded for the caller.
pub(super) fn friendship(
    connection: &mut PgConnection,
    caller: Directed,
) -> Result<Result<(), FriendLimit>, DbError> {
    let own = friends_of(connection, caller.user())?;
    let others = friends_of(connection, caller.peer())?;
    Ok(decide_friendship(own, others))
}
