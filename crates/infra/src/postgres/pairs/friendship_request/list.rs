//! The lists of received and sent requests, newest first.

use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::dsl;
use diesel::expression::{AppearsOnTable, Expression, ValidGrouping};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::Bool;
use domain::friendship_request::{
    Direction, ListedRequest, RequestCursor, RequestPage, RequestPageRequest, VerificationMessage,
};
use domain::id::{RequestId, UserId};
use domain::page::Page;
use uuid::Uuid;

use super::row::status_from_row;
use crate::db::{DbError, clock_timestamp};
use crate::postgres::row_values;
use crate::schema::{friendship_requests, users};

#[derive(Queryable)]
struct ListedRow {
    id: Uuid,
    peer_id: Uuid,
    peer_state: String,
    peer_uid: String,
    peer_name: String,
    verification_message: String,
    status: String,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    now: DateTime<Utc>,
}

impl TryFrom<ListedRow> for ListedRequest {
    type Error = DbError;

    fn try_from(row: ListedRow) -> Result<Self, DbError> {
        let peer = UserId::from_uuid(row.peer_id);
        let message = VerificationMessage::parse(&row.verification_message);
        Ok(Self {
            id: RequestId::from_uuid(row.id),
            peer,
            peer_uid: row_values::display_uid_from_row(peer, &row.peer_state, &row.peer_uid)?,
            peer_name: row_values::display_name_from_row(peer, &row.peer_state, &row.peer_name)?,
            verification_message: message.map_err(DbError::stored(
                "friendship_requests",
                "verification_message",
                row.id,
            ))?,
            status: status_from_row(row.id, &row.status)?.at(row.now, row.expires_at),
            created_at: row.created_at,
        })
    }
}

/// The columns of a [`ListedRow`]. The joined user is the peer.
#[dsl::auto_type]
fn columns() -> _ {
    (
        friendship_requests::id,
        users::id,
        users::state,
        users::uid,
        users::name,
        friendship_requests::verification_message,
        friendship_requests::status,
        friendship_requests::created_at,
        friendship_requests::expires_at,
        clock_timestamp(),
    )
}

/// The keyset condition of a page. The index scan can start only at the plain bound on the time.
#[dsl::auto_type]
fn older_than(created_at: DateTime<Utc>, id: Uuid) -> _ {
    friendship_requests::created_at
        .le(created_at)
        .and(friendship_requests::created_at.lt(created_at).or(friendship_requests::id.lt(id)))
}

/// The condition that the receiver sees a request: it was not withdrawn, and the receiver does not block its sender. The planner
/// expects a scalar subquery to be present nearly always, so that it keeps reading rows in the order of the index; it turns a plain
/// `NOT EXISTS` into a join and sorts.
#[derive(Debug, Clone, Copy, QueryId, ValidGrouping)]
struct ShownToReceiver;

impl Expression for ShownToReceiver {
    type SqlType = Bool;
}

impl<Source> AppearsOnTable<Source> for ShownToReceiver {}

impl QueryFragment<Pg> for ShownToReceiver {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "friendship_requests.status <> 'canceled' AND (SELECT 1 WHERE NOT EXISTS (
                SELECT FROM blocks b
                 WHERE b.owner_id = friendship_requests.receiver_id
                   AND b.blocked_id = friendship_requests.sender_id)) IS NOT NULL",
        );
        Ok(())
    }
}

#[dsl::auto_type]
fn received(receiver: Uuid) -> _ {
    friendship_requests::table
        .inner_join(users::table.on(users::id.eq(friendship_requests::sender_id)))
        .filter(friendship_requests::receiver_id.eq(receiver))
        .filter(ShownToReceiver)
        .order((friendship_requests::created_at.desc(), friendship_requests::id.desc()))
        .select(columns())
}

#[dsl::auto_type]
fn sent(sender: Uuid) -> _ {
    friendship_requests::table
        .inner_join(users::table.on(users::id.eq(friendship_requests::receiver_id)))
        .filter(friendship_requests::sender_id.eq(sender))
        .order((friendship_requests::created_at.desc(), friendship_requests::id.desc()))
        .select(columns())
}

pub(in crate::postgres) fn list(
    connection: &mut PgConnection,
    caller: UserId,
    direction: Direction,
    page: &RequestPageRequest,
) -> Result<RequestPage, DbError> {
    let (caller, limit) = (caller.as_uuid(), page.limit.get() + 1);
    let after = page.after.map(|after| older_than(after.created_at, after.id.as_uuid()));
    let rows: Vec<ListedRow> = match (direction, after) {
        (Direction::Received, None) => received(caller).limit(limit).load(connection)?,
        (Direction::Received, Some(after)) => received(caller).filter(after).limit(limit).load(connection)?,
        (Direction::Sent, None) => sent(caller).limit(limit).load(connection)?,
        (Direction::Sent, Some(after)) => sent(caller).filter(after).limit(limit).load(connection)?,
    };
    let items = rows.into_iter().map(ListedRequest::try_from).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::from_lookahead(items, page.limit, |request| RequestCursor {
        created_at: request.created_at,
        id: request.id,
    }))
}
