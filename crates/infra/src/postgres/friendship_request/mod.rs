//! Friendship requests on PostgreSQL, decided under the lock of the pair's row.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use domain::error::PortError;
use domain::friendship_request::{
    Answer, AnswerOutcome, AskDecision, AskOutcome, AskRefusal, Direction, FriendshipRequest,
    FriendshipRequestRepository, NewRequest, RequestPage, RequestPageRequest, RequestStatus, decide_answer,
    decide_ask, decide_request_limits, decide_withdrawal,
};
use domain::id::{ConversationId, RequestId, UserId};
use uuid::Uuid;

use super::pair::{self, Counted};
use super::repository;
use crate::db::{self, DbError};
use crate::schema::friendship_requests;

mod answer;
mod limits;
mod list;

pub(super) use list::list;

repository! {
    /// Friendship requests on PostgreSQL.
    PgFriendshipRequestRepository
}

const fn word(status: RequestStatus) -> &'static str {
    match status {
        RequestStatus::Pending => "pending",
        RequestStatus::Accepted => "accepted",
        RequestStatus::Rejected => "rejected",
        RequestStatus::Expired => "expired",
        RequestStatus::Canceled => "canceled",
    }
}

fn status(request: Uuid, word: &str) -> Result<RequestStatus, DbError> {
    match word {
        "pending" => Ok(RequestStatus::Pending),
        "accepted" => Ok(RequestStatus::Accepted),
        "rejected" => Ok(RequestStatus::Rejected),
        "expired" => Ok(RequestStatus::Expired),
        "canceled" => Ok(RequestStatus::Canceled),
        _ => Err(DbError::UnknownWord {
            table: "friendship_requests",
            key: request.to_string(),
            column: "status",
            word: word.to_owned(),
        }),
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = friendship_requests)]
struct RequestRow {
    id: Uuid,
    sender_id: Uuid,
    receiver_id: Uuid,
    status: String,
    expires_at: DateTime<Utc>,
}

impl TryFrom<RequestRow> for FriendshipRequest {
    type Error = DbError;

    fn try_from(row: RequestRow) -> Result<Self, DbError> {
        Ok(Self {
            id: RequestId::from_uuid(row.id),
            sender: UserId::from_uuid(row.sender_id),
            receiver: UserId::from_uuid(row.receiver_id),
            status: status(row.id, &row.status)?,
            expires_at: row.expires_at,
        })
    }
}

/// Notes where a request of a locked pair stands from now on.
fn settle(
    connection: &mut PgConnection,
    conversation: ConversationId,
    request: RequestId,
    status: RequestStatus,
) -> Result<(), DbError> {
    diesel::update(friendship_requests::table.find((conversation.as_uuid(), request.as_uuid())))
        .set((
            friendship_requests::status.eq(word(status)),
            friendship_requests::answered_at.eq(db::clock_timestamp().nullable()),
        ))
        .execute(connection)?;
    Ok(())
}

/// The request of a locked pair that waits for its answer; one that is overdue is noted as expired first.
fn pending(
    connection: &mut PgConnection,
    conversation: ConversationId,
    now: DateTime<Utc>,
) -> Result<Option<FriendshipRequest>, DbError> {
    let waiting = friendship_requests::table
        .filter(friendship_requests::conversation_id.eq(conversation.as_uuid()))
        .filter(friendship_requests::status.eq(word(RequestStatus::Pending)))
        .select(RequestRow::as_select())
        .for_update()
        .first(connection)
        .optional()?
        .map(FriendshipRequest::try_from)
        .transpose()?;
    match waiting {
        Some(request) if request.status.at(now, request.expires_at) == RequestStatus::Expired => {
            settle(connection, conversation, request.id, RequestStatus::Expired)?;
            Ok(None)
        }
        other => Ok(other),
    }
}

fn create(
    connection: &mut PgConnection,
    request: &NewRequest,
    now: DateTime<Utc>,
) -> Result<RequestId, DbError> {
    let id = db::new_id(now)?;
    diesel::insert_into(friendship_requests::table)
        .values((
            friendship_requests::conversation_id.eq(request.from.pair.conversation_id().as_uuid()),
            friendship_requests::id.eq(id),
            friendship_requests::sender_id.eq(request.from.user().as_uuid()),
            friendship_requests::receiver_id.eq(request.from.peer().as_uuid()),
            friendship_requests::verification_message.eq(request.message.as_str()),
            friendship_requests::created_at.eq(now),
            friendship_requests::expires_at.eq(expiry(now, request.rules.time_to_live)),
        ))
        .execute(connection)?;
    Ok(RequestId::from_uuid(id))
}

/// `now` plus `time_to_live`, but no further than PostgreSQL's calendar reaches.
fn expiry(now: DateTime<Utc>, time_to_live: Duration) -> DateTime<Utc> {
    const CENTURY: TimeDelta = TimeDelta::days(36_525);
    let time_to_live = TimeDelta::from_std(time_to_live).map_or(CENTURY, |life| life.min(CENTURY));
    now.checked_add_signed(time_to_live).unwrap_or(now)
}

/// Asks; is none, with nothing done, where a friendship would be made and not both were `counted`.
fn ask(
    connection: &mut PgConnection,
    request: &NewRequest,
    counted: Counted,
) -> Result<Option<AskOutcome>, DbError> {
    if !pair::both_exist_counted(connection, &request.from.pair, counted)? {
        return Ok(Some(AskOutcome::UnknownUser));
    }
    let state = pair::lock_or_create(connection, &request.from.pair)?;
    let (conversation, now) = (request.from.pair.conversation_id(), db::now(connection)?);
    let waiting = pending(connection, conversation, now)?;
    Ok(Some(match decide_ask(&state, request.from.side, waiting.as_ref()) {
        AskDecision::Create => match decide_request_limits(&limits::opening(connection, request, now)?) {
            Ok(()) => AskOutcome::Created(create(connection, request, now)?),
            Err(refusal) => AskOutcome::Refused(refusal),
        },
        AskDecision::Accept(_) if counted != Counted::Both => return Ok(None),
        AskDecision::Accept(id) => match limits::friendship(connection, request.from)? {
            Ok(()) => {
                settle(connection, conversation, id, RequestStatus::Accepted)?;
                pair::befriend(connection, &request.from.pair, now)?;
                AskOutcome::Accepted(id)
            }
            Err(limit) => AskOutcome::Refused(AskRefusal::FriendLimit(limit)),
        },
        AskDecision::Refuse(refusal) => AskOutcome::Refused(refusal),
    }))
}

/// Asks as one whose requests are counted, which is nearly always enough. Only who asks back begins anew, as one of two
/// whose friends are counted: to lock the second account more firmly on the way could end in a deadlock.
fn ask_as_far_as_needed(connection: &mut PgConnection, request: &NewRequest) -> Result<AskOutcome, DbError> {
    let mut attempt = |counted| connection.transaction(|connection| ask(connection, request, counted));
    if let Some(outcome) = attempt(Counted::One(request.from.side))? {
        return Ok(outcome);
    }
    attempt(Counted::Both)?.ok_or(DbError::Impossible("both were counted and it was not enough"))
}

#[async_trait]
impl FriendshipRequestRepository for PgFriendshipRequestRepository {
    async fn ask(&self, request: &NewRequest) -> Result<AskOutcome, PortError> {
        let request = request.clone();
        self.db.run(move |connection| ask_as_far_as_needed(connection, &request)).await
    }

    async fn answer(
        &self,
        request: RequestId,
        caller: UserId,
        answer: Answer,
    ) -> Result<AnswerOutcome, PortError> {
        let status = match answer {
            Answer::Accept => RequestStatus::Accepted,
            Answer::Reject => RequestStatus::Rejected,
        };
        self.db
            .transaction(move |connection| {
                answer::move_on(connection, (request, caller), decide_answer, status)
            })
            .await
    }

    async fn withdraw(&self, request: RequestId, caller: UserId) -> Result<AnswerOutcome, PortError> {
        self.db
            .transaction(move |connection| {
                answer::move_on(connection, (request, caller), decide_withdrawal, RequestStatus::Canceled)
            })
            .await
    }

    async fn list(
        &self,
        caller: UserId,
        direction: Direction,
        page: &RequestPageRequest,
    ) -> Result<RequestPage, PortError> {
        let page = page.clone();
        self.db.run(move |connection| list(connection, caller, direction, &page)).await
    }
}
