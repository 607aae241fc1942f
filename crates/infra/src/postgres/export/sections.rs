//! The lists of an export, read page by page.

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
use crate::postgres::pairs::{block, friendship, friendship_request};
use crate::schema::sessions;

/// The maximum number of rows of one part.
const ROWS: i64 = 500;

/// A page of a list: the list and the key of the last row read so far.
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

/// Reads a page and returns it with the section that follows; `None` after the last list.
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
            let next_list = match direction {
                Direction::Received => Section::Requests(Direction::Sent, None),
                Direction::Sent => Section::Blocks(None),
            };
            let next = requests.next.map(|next| Section::Requests(*direction, Some(next)));
            (ExportPart::Requests(*direction, requests.items), Some(next.unwrap_or(next_list)))
        }
        Section::Blocks(after) => {
            let blocks = block::list(connection, user, &page(*after)?)?;
            (ExportPart::Blocks(blocks.items), blocks.next.map(|next| Section::Blocks(Some(next))))
        }
    })
}

#[derive(Queryable)]
struct ExportedSessionRow {
    id: Uuid,
    device_name: String,
    created_at: DateTime<Utc>,
    last_used_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
}

impl From<ExportedSessionRow> for ExportedSession {
    fn from(row: ExportedSessionRow) -> Self {
        Self {
            id: SessionId::from_uuid(row.id),
            device: DeviceName::from_user_agent(&row.device_name),
            created_at: row.created_at,
            last_used_at: row.last_used_at,
            ended_at: row.ended_at,
        }
    }
}

/// A page of sessions in id order, which is the order of creation, and the last id if more rows may follow.
fn sessions(
    connection: &mut PgConnection,
    user: UserId,
    after: Option<SessionId>,
) -> Result<(Vec<ExportedSession>, Option<SessionId>), DbError> {
    let rows: Vec<ExportedSessionRow> = sessions::table
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
    let last = rows.last().filter(|_| full).map(|row| SessionId::from_uuid(row.id));
    Ok((rows.into_iter().map(ExportedSession::from).collect(), last))
}
