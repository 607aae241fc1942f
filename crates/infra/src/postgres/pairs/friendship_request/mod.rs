//! Friendship requests on PostgreSQL, decided under the lock of the pair's row.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use domain::error::PortError;
use domain::friendship_request::{
    Answer, AnswerOutcome, AskDecision, AskOutcome, AskRefusal, Direction, FriendshipRequest,
    FriendshipRequestRepository, NewRequest, RequestPage, RequestPageRequest, RequestStatus, decide_ask,
    decide_request_limits,
};
use domain::id::{ConversationId, RequestId, UserId};

use super::pair::{self, Counted};
use crate::db::{self, Db, DbError, Noted, in_transaction};
use crate::postgres::change::Changes;
use crate::schema::friendship_requests;

mod answer;
mod limits;
mod list;
mod row;

use answer::Transition;
pub(in crate::postgres) use list::list;
use row::{RequestRow, set_status};

/// [`FriendshipRequestRepository`] on PostgreSQL.
#[derive(Clone)]
pub struct PgFriendshipRequestRepository {
    db: Arc<Db>,
}

impl PgFriendshipRequestRepository {
    /// Stores friendship requests in `db`.
    #[must_use]
    pub const fn new(db: Arc<Db>) -> Self {
        Self { db }
    }
}

/// The pending request of a locked pair. A request past its lifetime is marked as expired instead.
fn pending(
    connection: &mut PgConnection,
    conversation: ConversationId,
    now: DateTime<Utc>,
) -> Result<Option<FriendshipRequest>, DbError> {
    let pending = friendship_requests::table
        .filter(friendship_requests::conversation_id.eq(conversation.as_uuid()))
        .filter(friendship_requests::status.eq(RequestStatus::Pending.name()))
        .select(RequestRow::as_select())
        .for_update()
        .first(connection)
        .optional()?
        .map(FriendshipRequest::try_from)
        .transpose()?;
    match pending {
        Some(request) if request.status.at(now, request.expires_at) == RequestStatus::Expired => {
            set_status(connection, conversation, request.id, RequestStatus::Expired)?;
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

/// `now` plus `time_to_live`, capped to what PostgreSQL can store.
fn expiry(now: DateTime<Utc>, time_to_live: Duration) -> DateTime<Utc> {
    const CENTURY: TimeDelta = TimeDelta::days(36_525);
    let time_to_live = TimeDelta::from_std(time_to_live).map_or(CENTURY, |life| life.min(CENTURY));
    now.checked_add_signed(time_to_live).unwrap_or(now)
}

/// Sends a request while only the `counted` users are locked exclusively. Returns `None` and changes nothing if the request would
/// create a friendship without both users being counted.
fn ask(
    connection: &mut PgConnection,
    request: &NewRequest,
    counted: Counted,
) -> Result<Option<Noted<AskOutcome>>, DbError> {
    if !pair::both_exist_counted(connection, &request.from.pair, counted)? {
        return Ok(Some(Noted::nothing(AskOutcome::UnknownUser)));
    }
    let state = pair::lock_or_create(connection, &request.from.pair)?;
    let (conversation, now) = (request.from.pair.conversation_id(), db::now(connection)?);
    let pending = pending(connection, conversation, now)?;
    let outcome = match decide_ask(&state, request.from.side, pending.as_ref()) {
        AskDecision::Create => match decide_request_limits(&limits::allowance(connection, request, now)?) {
            Ok(()) => AskOutcome::Created(create(connection, request, now)?),
            Err(refusal) => AskOutcome::Refused(refusal),
        },
        AskDecision::Accept(_) if counted != Counted::Both => return Ok(None),
        AskDecision::Accept(id) => match limits::friendship(connection, request.from)? {
            Ok(()) => {
                set_status(connection, conversation, id, RequestStatus::Accepted)?;
                pair::befriend(connection, &request.from.pair, now)?;
                AskOutcome::Accepted(id)
            }
            Err(limit) => AskOutcome::Refused(AskRefusal::FriendLimit(limit)),
        },
        AskDecision::Refuse(refusal) => AskOutcome::Refused(refusal),
    };
    if matches!(outcome, AskOutcome::Created(_) | AskOutcome::Accepted(_)) {
        let mut changes = Changes::default();
        changes.relation(connection, &request.from.pair)?;
        return Ok(Some(changes.with(outcome)));
    }
    Ok(Some(Noted::nothing(outcome)))
}

/// Sends a request, counting only the sender at first, which is nearly always enough. A request that accepts an earlier one
/// needs the friends of both users counted; it starts again with both locked, because upgrading the lock on the second user
/// could deadlock.
fn ask_with_needed_locks(
    connection: &mut PgConnection,
    request: &NewRequest,
) -> Result<Noted<AskOutcome>, DbError> {
    let mut attempt = |counted| in_transaction(connection, |connection| ask(connection, request, counted));
    if let Some(outcome) = attempt(Counted::One(request.from.side))? {
        return Ok(outcome);
    }
    attempt(Counted::Both)?.ok_or(DbError::Impossible("a request needed more locks than both users"))
}

#[async_trait]
impl FriendshipRequestRepository for PgFriendshipRequestRepository {
    async fn ask(&self, request: &NewRequest) -> Result<AskOutcome, PortError> {
        let request = request.clone();
        let asked = self.db.write(move |connection| ask_with_needed_locks(connection, &request)).await?;
        Ok(self.db.announce(asked))
    }

    async fn answer(
        &self,
        request: RequestId,
        caller: UserId,
        answer: Answer,
    ) -> Result<AnswerOutcome, PortError> {
        let transition = Transition::Answer(answer);
        self.db.change(move |connection| answer::apply(connection, request, caller, transition)).await
    }

    async fn withdraw(&self, request: RequestId, caller: UserId) -> Result<AnswerOutcome, PortError> {
        let transition = Transition::Withdraw;
        self.db.change(move |connection| answer::apply(connection, request, caller, transition)).await
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
