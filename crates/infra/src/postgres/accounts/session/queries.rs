//! Opening, locking and ending sessions.

use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use domain::auth::{Caller, DeviceName, EndReason, Generation, NewSession, Session};
use domain::id::{SessionId, UserId};
use uuid::Uuid;

use crate::db::{self, DbError};
use crate::postgres::row_values::ACTIVE;
use crate::schema::{sessions, users};

pub(in crate::postgres::accounts) const fn reason_as_db_str(reason: EndReason) -> &'static str {
    reason.name()
}

/// Inserts a session of an account that the transaction has inserted or locked; `now` is the database's time.
pub(in crate::postgres::accounts) fn insert(
    connection: &mut PgConnection,
    user_id: UserId,
    device: &DeviceName,
    now: DateTime<Utc>,
) -> Result<Session, DbError> {
    let id = db::new_id(now)?;
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

pub(super) fn open(connection: &mut PgConnection, session: &NewSession) -> Result<Option<Session>, DbError> {
    let still_valid = users::table
        .find(session.user_id.as_uuid())
        .filter(users::state.eq(ACTIVE))
        .filter(users::password_hash.eq(session.verified_hash.expose()))
        .select(users::id)
        .for_share()
        .first::<Uuid>(connection)
        .optional()?;
    if still_valid.is_none() {
        return Ok(None);
    }
    let now = db::now(connection)?;
    insert(connection, session.user_id, &session.device, now).map(Some)
}

/// Ends a session of `owner`. Returns false if it is not open.
pub(super) fn end(
    connection: &mut PgConnection,
    session: SessionId,
    owner: UserId,
    reason: EndReason,
) -> Result<bool, DbError> {
    let ended = diesel::update(sessions::table.find(session.as_uuid()))
        .filter(sessions::user_id.eq(owner.as_uuid()))
        .filter(sessions::ended_at.is_null())
        .set((
            sessions::ended_at.eq(db::clock_timestamp().nullable()),
            sessions::end_reason.eq(reason_as_db_str(reason)),
        ))
        .execute(connection)?;
    Ok(ended == 1)
}

/// Locks the open sessions of an account in the order of their ids, which prevents deadlocks.
pub(in crate::postgres::accounts) fn lock_open(
    connection: &mut PgConnection,
    owner: UserId,
) -> Result<Vec<SessionId>, DbError> {
    let open: Vec<Uuid> = sessions::table
        .filter(sessions::user_id.eq(owner.as_uuid()))
        .filter(sessions::ended_at.is_null())
        .order(sessions::id)
        .select(sessions::id)
        .for_update()
        .load(connection)?;
    Ok(open.into_iter().map(SessionId::from_uuid).collect())
}

/// Ends sessions that are open and locked.
pub(in crate::postgres::accounts) fn end_locked(
    connection: &mut PgConnection,
    open: &[SessionId],
    reason: EndReason,
) -> Result<(), DbError> {
    let ids: Vec<Uuid> = open.iter().map(|session| session.as_uuid()).collect();
    let now = db::now(connection)?;
    diesel::update(sessions::table.filter(sessions::id.eq_any(ids)))
        .set((sessions::ended_at.eq(now), sessions::end_reason.eq(reason_as_db_str(reason))))
        .execute(connection)?;
    Ok(())
}

/// Ends all sessions of `open`, which are locked, except the caller's. Returns those it ended.
pub(super) fn end_others(
    connection: &mut PgConnection,
    open: Vec<SessionId>,
    caller: Caller,
    reason: EndReason,
) -> Result<Vec<SessionId>, DbError> {
    let others: Vec<SessionId> = open.into_iter().filter(|session| *session != caller.session_id).collect();
    end_locked(connection, &others, reason)?;
    Ok(others)
}

pub(super) fn end_all_others(
    connection: &mut PgConnection,
    caller: Caller,
) -> Result<Vec<SessionId>, DbError> {
    let open = lock_open(connection, caller.user_id)?;
    // If the caller's session ended concurrently, do nothing: of two mutual logouts exactly one wins.
    if !open.contains(&caller.session_id) {
        return Ok(Vec::new());
    }
    end_others(connection, open, caller, EndReason::EndedByOwner)
}
