//! Opening, locking and ending sessions.

use std::num::NonZeroU32;

use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use domain::auth::{Caller, DeviceName, EndReason, Generation, NewSession, OpenedSession, Session};
use domain::id::{SessionId, UserId};
use uuid::Uuid;

use crate::db::{self, DbError, Noted};
use crate::postgres::change::{Changes, stamp};
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
            sessions::changed_in.eq(stamp()),
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

/// Locks the account, so that concurrent logins open their sessions one after the other and count each other's.
pub(super) fn open(
    connection: &mut PgConnection,
    new: &NewSession,
) -> Result<Noted<Option<OpenedSession>>, DbError> {
    let still_valid = users::table
        .find(new.user_id.as_uuid())
        .filter(users::state.eq(ACTIVE))
        .filter(users::password_hash.eq(new.verified_hash.expose()))
        .select(users::id)
        .for_no_key_update()
        .first::<Uuid>(connection)
        .optional()?;
    if still_valid.is_none() {
        return Ok(Noted::nothing(None));
    }
    let now = db::now(connection)?;
    let session = insert(connection, new.user_id, &new.device, now)?;
    let displaced = match new.most_open {
        Some(most) => end_surplus(connection, &session, most)?,
        None => Vec::new(),
    };
    let mut changes = Changes::default();
    changes.stamped([session.user_id]);
    Ok(changes.with(Some(OpenedSession { session, displaced })))
}

/// Ends the sessions of an account beyond the limit that were unused the longest, but not the one just opened.
fn end_surplus(
    connection: &mut PgConnection,
    opened: &Session,
    most_open: NonZeroU32,
) -> Result<Vec<SessionId>, DbError> {
    let surplus: Vec<Uuid> = sessions::table
        .filter(sessions::user_id.eq(opened.user_id.as_uuid()))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::id.ne(opened.id.as_uuid()))
        .order((sessions::last_used_at.desc(), sessions::id.desc()))
        .offset(i64::from(most_open.get()) - 1)
        .select(sessions::id)
        .load(connection)?;
    if surplus.is_empty() {
        return Ok(Vec::new());
    }
    let still_open =
        sessions::table.filter(sessions::id.eq_any(surplus)).filter(sessions::ended_at.is_null());
    let locked: Vec<Uuid> =
        still_open.order(sessions::id).select(sessions::id).for_update().load(connection)?;
    let locked: Vec<SessionId> = locked.into_iter().map(SessionId::from_uuid).collect();
    end_locked(connection, &locked, EndReason::Displaced)?;
    Ok(locked)
}

/// Ends a session of `owner`. Returns false if it is not open.
pub(super) fn end(
    connection: &mut PgConnection,
    session: SessionId,
    owner: UserId,
    reason: EndReason,
) -> Result<Noted<bool>, DbError> {
    let ended = diesel::update(sessions::table.find(session.as_uuid()))
        .filter(sessions::user_id.eq(owner.as_uuid()))
        .filter(sessions::ended_at.is_null())
        .set((
            sessions::ended_at.eq(db::clock_timestamp().nullable()),
            sessions::end_reason.eq(reason_as_db_str(reason)),
            sessions::changed_in.eq(stamp()),
        ))
        .execute(connection)?;
    let mut changes = Changes::default();
    changes.stamped((ended == 1).then_some(owner));
    Ok(changes.with(ended == 1))
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
        .set((
            sessions::ended_at.eq(now),
            sessions::end_reason.eq(reason_as_db_str(reason)),
            sessions::changed_in.eq(stamp()),
        ))
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
) -> Result<Noted<Vec<SessionId>>, DbError> {
    let open = lock_open(connection, caller.user_id)?;
    // If the caller's session ended concurrently, do nothing: of two mutual logouts exactly one wins.
    if !open.contains(&caller.session_id) {
        return Ok(Noted::nothing(Vec::new()));
    }
    let mut changes = Changes::default();
    changes.stamped([caller.user_id]);
    Ok(changes.with(end_others(connection, open, caller, EndReason::EndedByOwner)?))
}
