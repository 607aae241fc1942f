use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use domain::error::RepositoryError;
use domain::id::{SessionId, UserId};
use domain::session::{
    DeviceName, EndReason, Generation, NewSession, RefreshDecision, RotateOrder, RotateOutcome, Session,
    SessionRepository, decide_refresh,
};
use uuid::Uuid;

use super::repository;
use super::stored::ACTIVE;
use crate::db::{self, DbError};
use crate::schema::{sessions, users};

repository! {
    /// Sessions on PostgreSQL.
    PgSessionRepository
}

/// How many rotations are remembered. A token of a generation before them is taken for stolen; nobody refreshes so often
/// within the grace.
const REMEMBERED_ROTATIONS: usize = 16;

const fn word(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Logout => "logout",
        EndReason::RefreshTokenTheft => "refresh_token_theft",
    }
}

/// Opens a session for an account that the transaction has just made or locked.
pub(super) fn insert(
    connection: &mut PgConnection,
    user_id: UserId,
    device: &DeviceName,
) -> Result<Session, DbError> {
    let (id, now) = (Uuid::now_v7(), db::now(connection)?);
    diesel::insert_into(sessions::table)
        .values((
            sessions::id.eq(id),
            sessions::user_id.eq(user_id.as_uuid()),
            sessions::device_name.eq(device.as_str()),
            sessions::generation.eq(Generation::FIRST.get()),
            sessions::rotations.eq(vec![Some(now)]),
            sessions::created_at.eq(now),
            sessions::last_used_at.eq(now),
        ))
        .execute(connection)?;
    Ok(Session {
        id: SessionId::from_uuid(id),
        user_id,
        generation: Generation::FIRST,
        refreshed_at: now,
        created_at: now,
    })
}

fn open(connection: &mut PgConnection, session: &NewSession) -> Result<Option<Session>, DbError> {
    let still_so = users::table
        .find(session.user_id.as_uuid())
        .filter(users::state.eq(ACTIVE))
        .filter(users::password_hash.eq(session.verified_hash.expose()))
        .select(users::id)
        .for_share()
        .first::<Uuid>(connection)
        .optional()?;
    still_so.map(|_| insert(connection, session.user_id, &session.device)).transpose()
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = sessions)]
struct SessionRow {
    generation: i32,
    rotations: Vec<Option<DateTime<Utc>>>,
    created_at: DateTime<Utc>,
}

fn end(
    connection: &mut PgConnection,
    session: SessionId,
    owner: UserId,
    reason: EndReason,
) -> Result<(), DbError> {
    diesel::update(sessions::table.find(session.as_uuid()))
        .filter(sessions::user_id.eq(owner.as_uuid()))
        .filter(sessions::ended_at.is_null())
        .set((sessions::ended_at.eq(db::clock_timestamp().nullable()), sessions::end_reason.eq(word(reason))))
        .execute(connection)?;
    Ok(())
}

/// The session's row, locked, if the session and its account are still good.
fn lock(connection: &mut PgConnection, id: SessionId, owner: UserId) -> Result<Option<SessionRow>, DbError> {
    let row = sessions::table
        .find(id.as_uuid())
        .filter(sessions::user_id.eq(owner.as_uuid()))
        .filter(sessions::ended_at.is_null())
        .select(SessionRow::as_select())
        .for_update()
        .first(connection)
        .optional()?;
    let account = users::table.find(owner.as_uuid()).filter(users::state.eq(ACTIVE));
    let active: bool = diesel::select(diesel::dsl::exists(account)).get_result(connection)?;
    Ok(row.filter(|_| active))
}

fn rotate(connection: &mut PgConnection, order: &RotateOrder) -> Result<RotateOutcome, DbError> {
    let (id, owner) = (order.claims.session_id, order.claims.user_id);
    let Some(row) = lock(connection, id, owner)? else { return Ok(RotateOutcome::Over) };
    let now = db::now(connection)?;
    let rotations: Vec<DateTime<Utc>> = row.rotations.iter().copied().flatten().collect();
    let present = (Generation::new(row.generation), rotations.as_slice());
    match decide_refresh(present, row.created_at, order.claims.generation, now, &order.policy) {
        RefreshDecision::Rotate(next) => {
            let rotations: Vec<_> =
                std::iter::once(now).chain(rotations).take(REMEMBERED_ROTATIONS).map(Some).collect();
            diesel::update(sessions::table.find(id.as_uuid()))
                .set((
                    sessions::generation.eq(next.get()),
                    sessions::rotations.eq(rotations),
                    sessions::last_used_at.eq(now),
                ))
                .execute(connection)?;
            Ok(RotateOutcome::Rotated(Session {
                id,
                user_id: owner,
                generation: next,
                refreshed_at: now,
                created_at: row.created_at,
            }))
        }
        RefreshDecision::Reused => Ok(RotateOutcome::Reused),
        RefreshDecision::Theft => {
            end(connection, id, owner, EndReason::RefreshTokenTheft)?;
            Ok(RotateOutcome::Stolen)
        }
        RefreshDecision::Over => Ok(RotateOutcome::Over),
    }
}

#[async_trait]
impl SessionRepository for PgSessionRepository {
    async fn open(&self, session: &NewSession) -> Result<Option<Session>, RepositoryError> {
        let session = session.clone();
        self.db.transaction(move |connection| open(connection, &session)).await
    }

    async fn rotate(&self, order: &RotateOrder) -> Result<RotateOutcome, RepositoryError> {
        let order = order.clone();
        self.db.transaction(move |connection| rotate(connection, &order)).await
    }

    async fn end(&self, session: SessionId, owner: UserId, reason: EndReason) -> Result<(), RepositoryError> {
        self.db.run(move |connection| end(connection, session, owner, reason)).await
    }
}
