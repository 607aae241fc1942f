//! Answering and withdrawing: how a request moves on from where it waits.

use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use domain::conversation::Directed;
use domain::friendship_request::{AnswerOutcome, AnswerRefusal, FriendshipRequest, RequestStatus};
use domain::id::{RequestId, UserId};
use uuid::Uuid;

use super::{RequestRow, limits, settle};
use crate::db::{self, DbError};
use crate::postgres::pair::{self, Counted};
use crate::schema::friendship_requests;

type Decide = fn(&FriendshipRequest, UserId, DateTime<Utc>) -> Result<(), AnswerRefusal>;

/// The two that a request is between. To a stranger it does not exist: nothing of it is locked, and the answer takes as
/// long.
fn between(
    connection: &mut PgConnection,
    request: RequestId,
    caller: UserId,
) -> Result<Option<Directed>, DbError> {
    let is_the_callers = friendship_requests::sender_id
        .eq(caller.as_uuid())
        .or(friendship_requests::receiver_id.eq(caller.as_uuid()));
    let found: Option<(Uuid, Uuid)> = friendship_requests::table
        .filter(friendship_requests::id.eq(request.as_uuid()))
        .filter(is_the_callers)
        .select((friendship_requests::sender_id, friendship_requests::receiver_id))
        .first(connection)
        .optional()?;
    let directed = |(sender, receiver)| {
        let peer = if sender == caller.as_uuid() { receiver } else { sender };
        Directed::new(caller, UserId::from_uuid(peer))
    };
    found.map(|two| directed(two).ok_or(DbError::Impossible("a request to oneself"))).transpose()
}

/// Moves a request on to `status` if `decide` allows it; acceptance makes the friendship, if neither has too many friends.
pub(super) fn move_on(
    connection: &mut PgConnection,
    (request, caller): (RequestId, UserId),
    decide: Decide,
    status: RequestStatus,
) -> Result<AnswerOutcome, DbError> {
    let Some(directed) = between(connection, request, caller)? else { return Ok(AnswerOutcome::Unknown) };
    let befriends = status == RequestStatus::Accepted;
    if befriends && !pair::both_exist_counted(connection, &directed.pair, Counted::Both)? {
        return Ok(AnswerOutcome::Unknown);
    }
    let conversation = directed.pair.conversation_id();
    pair::lock(connection, conversation)?;
    let locked = friendship_requests::table
        .find((conversation.as_uuid(), request.as_uuid()))
        .select(RequestRow::as_select())
        .for_update()
        .first(connection)
        .optional()?;
    // An erasure may have removed it meanwhile, and even its pair.
    let Some(locked) = locked.map(FriendshipRequest::try_from).transpose()? else {
        return Ok(AnswerOutcome::Unknown);
    };
    let now = db::now(connection)?;
    if let Err(refusal) = decide(&locked, caller, now) {
        if refusal == AnswerRefusal::Expired && locked.status == RequestStatus::Pending {
            settle(connection, conversation, request, RequestStatus::Expired)?;
        }
        return Ok(AnswerOutcome::Refused(refusal));
    }
    if befriends {
        if let Err(limit) = limits::friendship(connection, directed)? {
            return Ok(AnswerOutcome::Refused(AnswerRefusal::FriendLimit(limit)));
        }
        pair::befriend(connection, &directed.pair, now)?;
    }
    settle(connection, conversation, request, status)?;
    Ok(AnswerOutcome::Done)
}
