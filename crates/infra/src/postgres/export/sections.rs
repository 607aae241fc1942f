//! The lists of an export, page by page.

use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use domain::auth::DeviceName;
use domain::block::BlockCursor;
use domain::error::InvalidValue;
use domain::export::{ExportPart, ExportedSession};
use domain::friendship::FriendCursor;
use domain::friendship_request::{Direction, RequestCursor};
use domain::id::{SessionId, UserId};
use domain::page::{PageKey, PageRequest};
use uuid::Uuid;

use crate::db::DbError;
use crate::postgres::{block, friendship, friendship_request};
use crate::schema::sessions;

/// Rows of one part.
const ROWS: i64 = 500;

/// A list, and the last row of it that was read.
pub(super) enum Section {
    Sessions(Option<SessionId>),
    Friends(Option<FriendCursor>),
    Requests(Direction, Option<RequestCursor>),
    Blocks(Option<BlockCursor>),
}

fn page<K: PageKey>(after: Option<K>) -> Result<PageRequest<K>, DbError> {
    PageRequest::parse(Some(ROWS), after)
        .map_err(|_: InvalidValue| DbError::Impossible("a part of an export exceeds the page limit"))
}

/// A part of a list, and what comes behind it; none after the last list.
pub(super) fn read(
    connection: &mut PgConnection,
    user: UserId,
    section: &Section,
) -> Result<(ExportPart, Option<Section>), DbError> {
    Ok(match section {
        Section::Sessions(after) => {
            let (sessions, next) = sessions(connection, user, *after)?;
            let next = next.map_or(Section::Friends(None), |id| Section::Sessions(Some(id)));
            (ExportPart::Sessions(sessions), Some(next))
        }
        Section::Friends(after) => {
            let friends = friendship::list(connection, user, &page(*after)?)?;
            let next = friends.next.map(|next| Section::Friends(Some(next)));
            let next = next.unwrap_or(Section::Requests(Direction::Received, None));
            (ExportPart::Friends(friends.items), Some(next))
        }
        Section::Requests(direction, after) => {
            let requests = friendship_request::list(connection, user, *direction, &page(*after)?)?;
            let behind = match direction {
                Direction::Received => Section::Requests(Direction::Sent, None),
                Direction::Sent => Section::Blocks(None),
            };
            let next = requests.next.map(|next| Section::Requests(*direction, Some(next)));
            (ExportPart::Requests(*direction, requests.items), Some(next.unwrap_or(behind)))
        }
        Section::Blocks(after) => {
            let blocks = block::list(connection, user, &page(*after)?)?;
            (ExportPart::Blocks(blocks.items), blocks.next.map(|next| Section::Blocks(Some(next))))
        }
    })
}

type SessionRow = (Uuid, String, DateTime<Utc>, DateTime<Utc>, Option<DateTime<Utc>>);

/// Sessions in the order of their ids, which is that of their age, and the last one if more may follow.
fn sessions(
    connection: &mut PgConnection,
    user: UserId,
    after: Option<SessionId>,
) -> Result<(Vec<ExportedSession>, Option<SessionId>), DbError> {
    let rows: Vec<SessionRow> = sessions::table
        .filter(sessions::user_id.eq(user.as_uuid()))
        .filter(sessions::id.gt(after.map_or_else(Uuid::nil, SessionId::as_uuid)))
        .order(sessions::id)
        .limit(ROWS)
        .select((
            sessions::id,
            sessions::device_name,
            sessions::created_at,
            sessions::last_used_at,
            sessions::ended_at,
        ))
        .load(connection)?;
    let full = i64::try_from(rows.len()).is_ok_and(|rows| rows >= ROWS);
    let last = rows.last().filter(|_| full).map(|row| SessionId::from_uuid(row.0));
    let session = |(id, device, created_at, last_used_at, ended_at): SessionRow| ExportedSession {
        id: SessionId::from_uuid(id),
        device: DeviceName::from_user_agent(&device),
        created_at,
        last_used_at,
        ended_at,
    };
    Ok((rows.into_iter().map(session).collect(), last))
}
