//! Refresh token rotation: advances a session to its next generation.

use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use domain::auth::{
    EndReason, Generation, IdempotencyKey, RefreshAttempt, RefreshDecision, RotateOutcome, Session,
    SessionState, decide_refresh,
};
use domain::id::{SessionId, UserId};
use uuid::Uuid;

use super::queries::end;
use crate::db::{self, DbError, Noted, statement};
use crate::postgres::row_values::ACTIVE;
use crate::schema::{sessions, users};

statement! {
    // A `statement!`, because Diesel does not cache the prepared statement of an UPDATE that it builds.
    AdvanceSession<'a> {
        session: &'a Uuid, generation: i32, rotations: &'a [DateTime<Utc>], key: Option<&'a str>, now: DateTime<Utc>,
    } -> ();
    "UPDATE sessions
        SET generation = " [generation: Integer] ", rotations = " [rotations: Array<Timestamptz>]
          ", refresh_key = " [key: Nullable<Text>] ", last_used_at = " [now: Timestamptz]
    " WHERE id = " [session: SqlUuid]
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = sessions)]
struct RotationRow {
    generation: i32,
    rotations: Vec<Option<DateTime<Utc>>>,
    refresh_key: Option<String>,
    created_at: DateTime<Utc>,
}

/// An open session whose row is locked.
pub(super) struct LockedSession {
    id: SessionId,
    owner: UserId,
    pub(super) state: SessionState,
}

impl LockedSession {
    /// The session in `state`.
    fn in_state(&self, state: &SessionState) -> Result<Session, DbError> {
        let refreshed_at = state.rotations.first().copied();
        Ok(Session {
            id: self.id,
            user_id: self.owner,
            generation: state.generation,
            refreshed_at: refreshed_at.ok_or(DbError::Impossible("sessions: no rotation is stored"))?,
            created_at: state.created_at,
        })
    }

    /// Stores the state of the next generation.
    pub(super) fn store(
        &self,
        connection: &mut PgConnection,
        next: &SessionState,
    ) -> Result<Session, DbError> {
        let session = self.in_state(next)?;
        let advance = AdvanceSession {
            session: &self.id.as_uuid(),
            generation: next.generation.get(),
            rotations: &next.rotations,
            key: next.refresh_key.as_ref().map(IdempotencyKey::as_str),
            now: session.refreshed_at,
        };
        advance.execute(connection)?;
        Ok(session)
    }
}

/// Locks a session of `owner`; `None` if it is over.
pub(super) fn lock(
    connection: &mut PgConnection,
    id: SessionId,
    owner: UserId,
) -> Result<Option<LockedSession>, DbError> {
    let row: Option<RotationRow> = sessions::table
        .find(id.as_uuid())
        .filter(sessions::user_id.eq(owner.as_uuid()))
        .filter(sessions::ended_at.is_null())
        .select(RotationRow::as_select())
        .for_update()
        .first(connection)
        .optional()?;
    let Some(row) = row else { return Ok(None) };
    let refresh_key = row.refresh_key.as_deref().map(IdempotencyKey::parse).transpose();
    let state = SessionState {
        generation: Generation::new(row.generation),
        rotations: row.rotations.into_iter().flatten().collect(),
        refresh_key: refresh_key.map_err(DbError::stored("sessions", "refresh_key", id))?,
        created_at: row.created_at,
    };
    Ok(Some(LockedSession { id, owner, state }))
}

pub(super) fn rotate(
    connection: &mut PgConnection,
    attempt: &RefreshAttempt,
) -> Result<Noted<RotateOutcome>, DbError> {
    let over = || Ok(Noted::nothing(RotateOutcome::Over));
    let (id, owner) = (attempt.claims.session_id, attempt.claims.user_id);
    let Some(locked) = lock(connection, id, owner)? else { return over() };
    let account = users::table.find(owner.as_uuid()).filter(users::state.eq(ACTIVE));
    if !diesel::select(diesel::dsl::exists(account)).get_result(connection)? {
        return over();
    }
    let now = db::now(connection)?;
    Ok(Noted::nothing(match decide_refresh(&locked.state, attempt, now) {
        RefreshDecision::Rotate(next) => RotateOutcome::Rotated(locked.store(connection, &next)?),
        RefreshDecision::Replay => RotateOutcome::Replayed(locked.in_state(&locked.state)?),
        RefreshDecision::Reused => RotateOutcome::Reused,
        RefreshDecision::Theft => {
            let ended = end(connection, id, owner, EndReason::RefreshTokenTheft)?;
            return Ok(ended.map(|_| RotateOutcome::Stolen));
        }
        RefreshDecision::Over => RotateOutcome::Over,
    }))
}
