//! The list of open sessions, with keyset pagination.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use domain::auth::{DeviceName, OpenSession, SessionCursor, SessionLimits, SessionPage, SessionPageRequest};
use domain::id::{SessionId, UserId};
use domain::page::Page;
use uuid::Uuid;

use crate::db::{self, DbError};
use crate::schema::sessions;

#[derive(Queryable, Selectable)]
#[diesel(table_name = sessions)]
struct OpenSessionRow {
    id: Uuid,
    device_name: String,
    created_at: DateTime<Utc>,
    last_used_at: DateTime<Utc>,
}

impl From<OpenSessionRow> for OpenSession {
    fn from(row: OpenSessionRow) -> Self {
        Self {
            id: SessionId::from_uuid(row.id),
            device: DeviceName::from_user_agent(&row.device_name),
            created_at: row.created_at,
            last_used_at: row.last_used_at,
        }
    }
}

/// `now` minus `span`, at least the Unix epoch.
fn before(now: DateTime<Utc>, span: Duration) -> DateTime<Utc> {
    let span = TimeDelta::from_std(span).ok();
    // chrono's earliest time is out of PostgreSQL's range.
    span.and_then(|span| now.checked_sub_signed(span)).unwrap_or_default().max(DateTime::UNIX_EPOCH)
}

pub(super) fn list(
    connection: &mut PgConnection,
    owner: UserId,
    limits: SessionLimits,
    page: &SessionPageRequest,
) -> Result<SessionPage, DbError> {
    let now = db::now(connection)?;
    let mut rows = sessions::table
        .filter(sessions::user_id.eq(owner.as_uuid()))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::created_at.gt(before(now, limits.life)))
        .filter(sessions::last_used_at.gt(before(now, limits.idle)))
        .into_boxed();
    if let Some(after) = page.after {
        let bound = sessions::created_at.le(after.created_at);
        let earlier = sessions::created_at.lt(after.created_at);
        rows = rows.filter(bound.and(earlier.or(sessions::id.lt(after.id.as_uuid()))));
    }
    let rows: Vec<OpenSessionRow> = rows
        .order((sessions::created_at.desc(), sessions::id.desc()))
        .limit(page.limit.get() + 1)
        .select(OpenSessionRow::as_select())
        .load(connection)?;
    let open = rows.into_iter().map(OpenSession::from).collect();
    Ok(Page::from_lookahead(open, page.limit, |session| SessionCursor {
        created_at: session.created_at,
        id: session.id,
    }))
}
