//! Rate limits of requests and friend limits. The counted users are locked until the transaction ends, so that counts are exact.

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
    // The status is a literal, so that the planner can use the partial index on pending requests.
    CountPending<'a> { sender: &'a Uuid, now: DateTime<Utc> } -> (BigInt);
    "SELECT count(*) FROM friendship_requests
      WHERE sender_id = " [sender: SqlUuid] " AND status = 'pending' AND expires_at > " [now: Timestamptz]
}

statement! {
    NthLatestRequest<'a> { sender: &'a Uuid, skipped: i64 } -> (Timestamptz);
    "SELECT created_at FROM friendship_requests
      WHERE sender_id = " [sender: SqlUuid]
    " ORDER BY created_at DESC, id DESC OFFSET " [skipped: BigInt] " LIMIT 1"
}

statement! {
    NthLatestOfPair<'a> { conversation: Uuid, sender: &'a Uuid, skipped: i64 } -> (Timestamptz);
    "SELECT created_at FROM friendship_requests
      WHERE conversation_id = " [conversation: SqlUuid] " AND sender_id = " [sender: SqlUuid]
    "   AND status <> 'accepted'
      ORDER BY created_at DESC, id DESC OFFSET " [skipped: BigInt] " LIMIT 1"
}

/// The counts that decide whether the sender of `request` may send it.
pub(super) fn allowance(
    connection: &mut PgConnection,
    request: &NewRequest,
    now: DateTime<Utc>,
) -> Result<RequestAllowance, DbError> {
    let sender = request.from.user().as_uuid();
    let (pending,): (i64,) = CountPending { sender: &sender, now }.get_result(connection)?;
    let quota_window_start = match request.rules.per_day {
        Some(quota) => quota_window_start(connection, sender, quota)?,
        None => None,
    };
    let pair_window_start = match request.rules.per_pair_and_day {
        Some(quota) => pair_window_start(connection, request.from, quota)?,
        None => None,
    };
    Ok(RequestAllowance { pending, quota_window_start, pair_window_start, now })
}

fn quota_window_start(
    connection: &mut PgConnection,
    sender: Uuid,
    quota: NonZeroU32,
) -> Result<Option<DateTime<Utc>>, DbError> {
    let skipped = i64::from(quota.get()) - 1;
    let found = NthLatestRequest { sender: &sender, skipped }.get_result::<(DateTime<Utc>,)>(connection);
    Ok(found.optional()?.map(|(asked_at,)| asked_at))
}

fn pair_window_start(
    connection: &mut PgConnection,
    from: Directed,
    quota: NonZeroU32,
) -> Result<Option<DateTime<Utc>>, DbError> {
    let (conversation, sender) = (from.pair.conversation_id().as_uuid(), from.user().as_uuid());
    let skipped = i64::from(quota.get()) - 1;
    let found = NthLatestOfPair { conversation, sender: &sender, skipped };
    Ok(found.get_result::<(DateTime<Utc>,)>(connection).optional()?.map(|(asked_at,)| asked_at))
}

fn friends_of(connection: &mut PgConnection, owner: UserId) -> Result<i64, DbError> {
    Ok(friendships::table.filter(friendships::owner_id.eq(owner.as_uuid())).count().get_result(connection)?)
}

/// Whether the caller and the peer may become friends. The caller's limit is reported first.
pub(super) fn friendship(
    connection: &mut PgConnection,
    caller: Directed,
) -> Result<Result<(), FriendLimit>, DbError> {
    let own = friends_of(connection, caller.user())?;
    let peers = friends_of(connection, caller.peer())?;
    Ok(decide_friendship(own, peers))
}
