//! Refresh token rotation: advances a session to its next generation.

use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use domain::id::{SessionId, UserId};
use domain::session::{
    EndReason, Generation, IdempotencyKey, RefreshAttempt, RefreshDecision, RotateOutcome, Session,
    SessionState, decide_refresh,
};
use uuid::Uuid;

use super::end;
use crate::db::{self, DbError, statement};
use crate::postgres::stored::ACTIVE;
use crate::schema::{sessions, users};

/// How many rotations are remembered. A token of a generation before them is taken for stolen; nobody refreshes so
/// often within the grace.
const REMEMBERED_ROTATIONS: usize = 16;

statement! {
    // A `statement!`, because Diesel does not cache the prepared statement of an UPDATE that it builds.
    AdvanceSession<'a> {
        session: &'a Uuid, generation: i32, rotations: Vec<DateTime<Utc>>, key: Option<&'a str>, now: DateTime<Utc>,
    } -> ();
    "UPDATE sessions
        SET generation = " [generation: Integer] ", rotations = " [rotations: Array<Timestamptz>]
          ", refresh_key = " [key: Nullable<Text>] ", last_used_at = " [now: Timestamptz]
    " WHERE id = " [session: SqlUuid]
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = sessions)]
struct SessionRow {
    generation: i32,
    rotations: Vec<Option<DateTime<Utc>>>,
    refresh_key: Option<String>,
    created_at: DateTime<Utc>,
}

/// An open session whose row is locked.
pub(super) struct Locked {
    id: SessionId,
    owner: UserId,
    generation: Generation,
    rotations: Vec<DateTime<Utc>>,
    refresh_key: Option<IdempotencyKey>,
    created_at: DateTime<Utc>,
}

impl Locked {
    fn state(&self) -> SessionState<'_> {
        SessionState {
            generation: self.generation,
            rotations: &self.rotations,
            refresh_key: self.refresh_key.as_ref(),
            created_at: self.created_at,
        }
    }

    /// The session in `generation`, which began at `refreshed_at`.
    fn session(&self, generation: Generation, refreshed_at: DateTime<Utc>) -> Session {
        Session { id: self.id, user_id: self.owner, generation, refreshed_at, created_at: self.created_at }
    }

    /// The session in its current generation.
    fn current(&self) -> Result<Session, DbError> {
        let began = self.rotations.first().copied();
        let began = began.ok_or(DbError::Impossible("sessions: no rotation is stored"))?;
        Ok(self.session(self.generation, began))
    }

    /// Advances the session to its next generation.
    pub(super) fn advance(
        &self,
        connection: &mut PgConnection,
        key: Option<&IdempotencyKey>,
        now: DateTime<Utc>,
    ) -> Result<Session, DbError> {
        let next = self.generation.next();
        let older = self.rotations.iter().copied();
        let rotations: Vec<_> = std::iter::once(now).chain(older).take(REMEMBERED_ROTATIONS).collect();
        let key = key.map(IdempotencyKey::as_str);
        AdvanceSession { session: &self.id.as_uuid(), generation: next.get(), rotations, key, now }
            .execute(connection)?;
        Ok(self.session(next, now))
    }
}

/// Locks a session of `owner`; `None` if it is over.
pub(super) fn lock(
    connection: &mut PgConnection,
    id: SessionId,
    owner: UserId,
) -> Result<Option<Locked>, DbError> {
    let row: Option<SessionRow> = sessions::table
        .find(id.as_uuid())
        .filter(sessions::user_id.eq(owner.as_uuid()))
        .filter(sessions::ended_at.is_null())
        .select(SessionRow::as_select())
        .for_update()
        .first(connection)
        .optional()?;
    let Some(row) = row else { return Ok(None) };
    let refresh_key = row.refresh_key.as_deref().map(IdempotencyKey::parse).transpose();
    Ok(Some(Locked {
        id,
        owner,
        generation: Generation::new(row.generation),
        rotations: row.rotations.into_iter().flatten().collect(),
        refresh_key: refresh_key.map_err(DbError::stored("sessions", id))?,
        created_at: row.created_at,
    }))
}

pub(super) fn rotate(
    connection: &mut PgConnection,
    order: &RefreshAttempt,
) -> Result<RotateOutcome, DbError> {
    let (id, owner) = (order.claims.session_id, order.claims.user_id);
    let Some(locked) = lock(connection, id, owner)? else { return Ok(RotateOutcome::Over) };
    let account = users::table.find(owner.as_uuid()).filter(users::state.eq(ACTIVE));
    if !diesel::select(diesel::dsl::exists(account)).get_result(connection)? {
        return Ok(RotateOutcome::Over);
    }
    let now = db::now(connection)?;
    let presented = (order.claims.generation, order.key.as_ref());
    Ok(match decide_refresh(&locked.state(), presented, now, &order.policy) {
        RefreshDecision::Rotate(_) => {
            RotateOutcome::Rotated(locked.advance(connection, order.key.as_ref(), now)?)
        }
        RefreshDecision::Repeat => RotateOutcome::Replayed(locked.current()?),
        RefreshDecision::Reused => RotateOutcome::Reused,
        RefreshDecision::Theft => {
            end(connection, id, owner, EndReason::RefreshTokenTheft)?;
            RotateOutcome::Stolen
        }
        RefreshDecision::Over => RotateOutcome::Over,
    })
}
