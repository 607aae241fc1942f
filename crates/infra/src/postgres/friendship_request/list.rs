//! The lists of requests, newest first.

use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use domain::friendship_request::{
    Direction, ListedRequest, RequestCursor, RequestPage, RequestPageRequest, VerificationMessage,
};
use domain::id::{RequestId, UserId};
use domain::page::Page;
use uuid::Uuid;

use super::status;
use crate::db::{self, DbError};
use crate::postgres::row_values;
use crate::schema::{friendship_requests, users};

type ListRow = (Uuid, Uuid, String, String, String, String, DateTime<Utc>, DateTime<Utc>, DateTime<Utc>);

fn listed(row: ListRow) -> Result<ListedRequest, DbError> {
    let (id, peer, peer_state, peer_name, message, word, created_at, expires_at, now) = row;
    let peer = UserId::from_uuid(peer);
    Ok(ListedRequest {
        id: RequestId::from_uuid(id),
        peer,
        peer_name: row_values::display_name_from_row(peer, &peer_state, &peer_name)?,
        verification_message: VerificationMessage::parse(&message).map_err(DbError::stored(
            "friendship_requests",
            "verification_message",
            id,
        ))?,
        status: status(id, &word)?.at(now, expires_at),
        created_at,
    })
}

/// The list of one direction: `$own` is the caller's column and `$peer` the other one's.
macro_rules! list_of {
    ($connection:expr, $caller:expr, $page:expr, $own:ident, $peer:ident) => {{
        let mut rows = friendship_requests::table
            .inner_join(users::table.on(users::id.eq(friendship_requests::$peer)))
            .filter(friendship_requests::$own.eq($caller.as_uuid()))
            .into_boxed();
        if let Some(after) = $page.after {
            // The bound alone is what the index can begin at.
            let bound = friendship_requests::created_at.le(after.created_at);
            let earlier = friendship_requests::created_at.lt(after.created_at);
            rows = rows.filter(bound.and(earlier.or(friendship_requests::id.lt(after.id.as_uuid()))));
        }
        rows.order((friendship_requests::created_at.desc(), friendship_requests::id.desc()))
            .limit($page.limit.get() + 1)
            .select((
                friendship_requests::id,
                friendship_requests::$peer,
                users::state,
                users::name,
                friendship_requests::verification_message,
                friendship_requests::status,
                friendship_requests::created_at,
                friendship_requests::expires_at,
                db::clock_timestamp(),
            ))
            .load::<ListRow>($connection)?
    }};
}

pub(in crate::postgres) fn list(
    connection: &mut PgConnection,
    caller: UserId,
    direction: Direction,
    page: &RequestPageRequest,
) -> Result<RequestPage, DbError> {
    let rows = match direction {
        Direction::Received => list_of!(connection, caller, page, receiver_id, sender_id),
        Direction::Sent => list_of!(connection, caller, page, sender_id, receiver_id),
    };
    let items: Vec<_> = rows.into_iter().map(listed).collect::<Result<_, _>>()?;
    Ok(Page::from_lookahead(items, page.limit, |request| RequestCursor {
        created_at: request.created_at,
        id: request.id,
    }))
}
