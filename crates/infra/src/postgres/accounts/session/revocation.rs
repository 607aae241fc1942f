//! Revocation queries: whether a session is open, and which sessions ended recently.

use std::time::Duration;

use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types as sql;
use domain::auth::Caller;
use domain::id::SessionId;
use uuid::Uuid;

use crate::db::{DbError, statement};
use crate::postgres::row_values::ACTIVE;
use crate::schema::{sessions, users};

/// Whether the caller's session has not been ended and the account is active.
pub(super) fn is_open(connection: &mut PgConnection, caller: Caller) -> Result<bool, DbError> {
    let open = sessions::table
        .inner_join(users::table)
        .filter(sessions::id.eq(caller.session_id.as_uuid()))
        .filter(sessions::user_id.eq(caller.user_id.as_uuid()))
        .filter(sessions::ended_at.is_null())
        .filter(users::state.eq(ACTIVE))
        .select(sessions::id);
    Ok(diesel::select(diesel::dsl::exists(open)).get_result(connection)?)
}

statement! {
    // `now()` is stable, so that the index on `ended_at` can be used; `clock_timestamp()` is volatile. The second part
    // covers accounts disabled by hand, whose sessions have no `ended_at`.
    RecentlyEnded<'a> { seconds: &'a f64 } -> (sql::Uuid);
    "SELECT id FROM sessions WHERE ended_at > now() - make_interval(secs => " [seconds: sql::Double]
    ") UNION ALL
     SELECT s.id FROM users u JOIN sessions s ON s.user_id = u.id
      WHERE u.state = 'disabled' AND s.ended_at IS NULL
        AND s.last_used_at > now() - make_interval(secs => " [seconds: sql::Double] ")"
}

#[derive(Queryable)]
struct EndedRow {
    id: Uuid,
}

/// The sessions that ended within `window`, and those used within it whose account is disabled.
pub(crate) fn recently_ended(
    connection: &mut PgConnection,
    window: Duration,
) -> Result<Vec<SessionId>, DbError> {
    let ended: Vec<EndedRow> = RecentlyEnded { seconds: &window.as_secs_f64() }.load(connection)?;
    Ok(ended.into_iter().map(|row| SessionId::from_uuid(row.id)).collect())
}
