//! Answers and withdrawals: the transitions of a pending request.

use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use domain::conversation::Directed;
use domain::friendship_request::{
    Answer, AnswerOutcome, AnswerRefusal, FriendshipRequest, RequestStatus, decide_answer, decide_withdrawal,
};
use domain::id::{RequestId, UserId};
use uuid::Uuid;

use super::limits;
use super::row::{RequestRow, set_status};
use crate::db::{self, DbError, Noted};
use crate::postgres::change::Changes;
use crate::postgres::pairs::pair::{self, Counted};
use crate::schema::friendship_requests;

/// What the caller does with a pending request.
#[derive(Debug, Clone, Copy)]
pub(super) enum Transition {
    /// The receiver answers.
    Answer(Answer),
    /// The sender withdraws.
    Withdraw,
}

impl Transition {
    const fn status(self) -> RequestStatus {
        match self {
            Self::Answer(Answer::Accept) => RequestStatus::Accepted,
            Self::Answer(Answer::Reject) => RequestStatus::Rejected,
            Self::Withdraw => RequestStatus::Canceled,
        }
    }

    fn decide(
        self,
        request: &FriendshipRequest,
        caller: UserId,
        now: DateTime<Utc>,
    ) -> Result<(), AnswerRefusal> {
        match self {
            Self::Answer(_) => decide_answer(request, caller, now),
            Self::Withdraw => decide_withdrawal(request, caller, now),
        }
    }
}

/// The sender and the receiver of a request; `None` unless the caller is one of them. In that case nothing is locked, and the
/// response takes as long as for a request that does not exist.
fn pair_of(
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
    let impossible = DbError::Impossible("friendship_requests: sender and receiver are the same user");
    found.map(|two| directed(two).ok_or(impossible)).transpose()
}

/// Applies a transition if the rules allow it. Acceptance also creates the friendship, unless a friend limit is reached.
pub(super) fn apply(
    connection: &mut PgConnection,
    request: RequestId,
    caller: UserId,
    transition: Transition,
) -> Result<Noted<AnswerOutcome>, DbError> {
    let unknown = || Ok(Noted::nothing(AnswerOutcome::Unknown));
    let Some(directed) = pair_of(connection, request, caller)? else { return unknown() };
    let status = transition.status();
    let befriends = status == RequestStatus::Accepted;
    if befriends && !pair::both_exist_counted(connection, &directed.pair, Counted::Both)? {
        return unknown();
    }
    let conversation = directed.pair.conversation_id();
    pair::lock(connection, conversation)?;
    let locked = friendship_requests::table
        .find((conversation.as_uuid(), request.as_uuid()))
        .select(RequestRow::as_select())
        .for_update()
        .first(connection)
        .optional()?;
    // A concurrent erasure may have deleted the request, and even the pair.
    let Some(locked) = locked.map(FriendshipRequest::try_from).transpose()? else { return unknown() };
    let mut changes = Changes::default();
    let now = db::now(connection)?;
    if let Err(refusal) = transition.decide(&locked, caller, now) {
        if refusal == AnswerRefusal::Expired && locked.status == RequestStatus::Pending {
            set_status(connection, conversation, request, RequestStatus::Expired)?;
            changes.relation(connection, &directed.pair)?;
        }
        return Ok(changes.with(AnswerOutcome::Refused(refusal)));
    }
    if befriends {
        if let Err(limit) = limits::friendship(connection, directed)? {
            return Ok(Noted::nothing(AnswerOutcome::Refused(AnswerRefusal::FriendLimit(limit))));
        }
        pair::befriend(connection, &directed.pair, now)?;
    }
    set_status(connection, conversation, request, status)?;
    changes.relation(connection, &directed.pair)?;
    Ok(changes.with(if befriends { AnswerOutcome::Accepted(conversation) } else { AnswerOutcome::Done }))
}
