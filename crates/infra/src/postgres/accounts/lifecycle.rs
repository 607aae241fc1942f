//! The account lifecycle on PostgreSQL: disabling, enabling and erasing. [`super::erasure`] holds the background steps.

use std::sync::Arc;

use async_trait::async_trait;
use diesel::PgConnection;
use diesel::prelude::*;
use domain::account::{AccountState, LifecycleRepository, StateChange};
use domain::auth::{Caller, EndReason};
use domain::error::PortError;
use domain::id::{SessionId, UserId};

use super::user::retired_uid;
use super::{known_devices, session};
use crate::db::{self, Db, DbError, Noted};
use crate::postgres::change::{Changes, stamp};
use crate::postgres::row_values;
use crate::schema::{erasures, sessions, users};

/// Account states on PostgreSQL.
#[derive(Clone)]
pub struct PgLifecycleRepository {
    db: Arc<Db>,
}

impl PgLifecycleRepository {
    /// Creates the repository on `db`.
    #[must_use]
    pub const fn new(db: Arc<Db>) -> Self {
        Self { db }
    }
}

/// Locks an account's row and returns its state; `None` if there is no such account.
fn lock(connection: &mut PgConnection, user: UserId) -> Result<Option<AccountState>, DbError> {
    let word: Option<String> = users::table
        .find(user.as_uuid())
        .select(users::state)
        .for_no_key_update()
        .first(connection)
        .optional()?;
    word.map(|word| row_values::account_state(user, &word)).transpose()
}

fn set_state(connection: &mut PgConnection, user: UserId, state: AccountState) -> Result<(), DbError> {
    diesel::update(users::table.find(user.as_uuid()))
        .set(users::state.eq(row_values::as_db_str(state)))
        .execute(connection)?;
    Ok(())
}

fn erase(connection: &mut PgConnection, caller: Caller) -> Result<Noted<Option<Vec<SessionId>>>, DbError> {
    let user = caller.user_id;
    let Some(erased) = lock(connection, user)?.and_then(AccountState::erase) else {
        return Ok(Noted::nothing(None));
    };
    let open = session::lock_open(connection, user)?;
    if !open.contains(&caller.session_id) {
        return Ok(Noted::nothing(None));
    }
    blank(connection, user, erased, &open)?;
    let mut changes = Changes::default();
    changes.stamped([user]);
    Ok(changes.with(Some(open)))
}

fn erase_by_operator(connection: &mut PgConnection, user: UserId) -> Result<Noted<StateChange>, DbError> {
    let Some(erased) = lock(connection, user)?.and_then(AccountState::erase_by_operator) else {
        return Ok(Noted::nothing(StateChange::UnknownUser));
    };
    let open = session::lock_open(connection, user)?;
    blank(connection, user, erased, &open)?;
    let mut changes = Changes::default();
    changes.stamped([user]);
    Ok(changes.with(StateChange::Done(open)))
}

/// Deletes what an account's row holds, ends its open sessions, and queues the rest. The row and the sessions are locked.
fn blank(
    connection: &mut PgConnection,
    user: UserId,
    erased: AccountState,
    open: &[SessionId],
) -> Result<(), DbError> {
    diesel::update(users::table.find(user.as_uuid()))
        .set((
            users::state.eq(row_values::as_db_str(erased)),
            users::erased_at.eq(db::clock_timestamp().nullable()),
            users::uid.eq(""),
            users::name.eq(""),
            users::phone_number.eq(None::<String>),
            users::password_hash.eq(""),
            users::uid_changed_at.eq(None::<chrono::DateTime<chrono::Utc>>),
            users::shown_in.eq(stamp()),
        ))
        .execute(connection)?;
    retired_uid::free_all(connection, user)?;
    session::end_locked(connection, open, EndReason::AccountErased)?;
    known_devices::forget(connection, user)?;
    // The rows stay while access tokens can be valid; the device data is deleted now.
    diesel::update(sessions::table.filter(sessions::user_id.eq(user.as_uuid())))
        .set((sessions::device_name.eq(""), sessions::refresh_key.eq(None::<String>)))
        .execute(connection)?;
    diesel::insert_into(erasures::table).values(erasures::user_id.eq(user.as_uuid())).execute(connection)?;
    Ok(())
}

fn disable(connection: &mut PgConnection, user: UserId) -> Result<Noted<StateChange>, DbError> {
    let Some(state) = lock(connection, user)?.and_then(AccountState::disable) else {
        return Ok(Noted::nothing(StateChange::UnknownUser));
    };
    set_state(connection, user, state)?;
    let open = session::lock_open(connection, user)?;
    session::end_locked(connection, &open, EndReason::AccountDisabled)?;
    let mut changes = Changes::default();
    changes.stamped([user]);
    Ok(changes.with(StateChange::Done(open)))
}

fn enable(connection: &mut PgConnection, user: UserId) -> Result<StateChange, DbError> {
    let Some(state) = lock(connection, user)?.and_then(AccountState::enable) else {
        return Ok(StateChange::UnknownUser);
    };
    set_state(connection, user, state)?;
    Ok(StateChange::Done(Vec::new()))
}

#[async_trait]
impl LifecycleRepository for PgLifecycleRepository {
    async fn erase(&self, caller: Caller) -> Result<Option<Vec<SessionId>>, PortError> {
        self.db.change(move |connection| erase(connection, caller)).await
    }

    async fn erase_by_operator(&self, user: UserId) -> Result<StateChange, PortError> {
        self.db.change(move |connection| erase_by_operator(connection, user)).await
    }

    async fn disable(&self, user: UserId) -> Result<StateChange, PortError> {
        self.db.change(move |connection| disable(connection, user)).await
    }

    async fn enable(&self, user: UserId) -> Result<StateChange, PortError> {
        self.db.transaction(move |connection| enable(connection, user)).await
    }
}
