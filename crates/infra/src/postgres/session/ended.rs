//! The sessions whose access tokens are worth nothing.

use std::time::Duration;

use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types as sql;
use domain::id::SessionId;
use domain::session::Caller;
use uuid::Uuid;

use crate::db::{DbError, statement};
use crate::postgres::stored::ACTIVE;
use crate::schema::{sessions, users};

/// Whether the caller's session was not ended and the account is active.
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
    // The time is that of the statement, which an index can be searched by; `clock_timestamp()` could not. The sessions of
    // an account count as ended too that somebody has disabled by hand.
    EndedLately<'a> { seconds: &'a f64 } -> (sql::Uuid);
    "SELECT id FROM sessions WHERE ended_at > now() - make_interval(secs => " [seconds: sql::Double]
    ") UNION ALL
     SELECT s.id FROM users u JOIN sessions s ON s.user_id = u.id
      WHERE u.state = 'disabled' AND s.ended_at IS NULL
        AND s.last_used_at > now() - make_interval(secs => " [seconds: sql::Double] ")"
}

/// The sessions that were ended within the window, and those used within it whose account is disabled.
pub(crate) fn ended_lately(
    connection: &mut PgConnection,
    window: Duration,
) -> Result<Vec<SessionId>, DbError> {
    let ended: Vec<(Uuid,)> = EndedLately { seconds: &window.as_secs_f64() }.load(connection)?;
    Ok(ended.into_iter().map(|(id,)| SessionId::from_uuid(id)).collect())
}
