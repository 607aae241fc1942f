//! Password change, which ends all other sessions of the account.

use diesel::PgConnection;
use diesel::prelude::*;
use domain::auth::{EndReason, PasswordChange, PasswordChangeOutcome};

use super::queries::{end_others, lock_open};
use super::rotate;
use crate::db::{self, DbError, Noted};
use crate::postgres::change::Changes;
use crate::postgres::row_values::ACTIVE;
use crate::schema::users;

/// Locks the account's row first, which conflicts with the shared lock of concurrent logins with the old password.
pub(super) fn change(
    connection: &mut PgConnection,
    change: &PasswordChange,
) -> Result<Noted<PasswordChangeOutcome>, DbError> {
    let caller = change.caller;
    let current: Option<String> = users::table
        .find(caller.user_id.as_uuid())
        .filter(users::state.eq(ACTIVE))
        .select(users::password_hash)
        .for_no_key_update()
        .first(connection)
        .optional()?;
    let Some(current) = current else { return Ok(Noted::nothing(PasswordChangeOutcome::Over)) };
    let open = lock_open(connection, caller.user_id)?;
    let Some(locked) = rotate::lock(connection, caller.session_id, caller.user_id)? else {
        return Ok(Noted::nothing(PasswordChangeOutcome::Over));
    };
    if current != change.verified_hash.expose() {
        return Ok(Noted::nothing(PasswordChangeOutcome::OtherPassword));
    }
    diesel::update(users::table.find(caller.user_id.as_uuid()))
        .set(users::password_hash.eq(change.new_hash.expose()))
        .execute(connection)?;
    let now = db::now(connection)?;
    let session = locked.store(connection, &locked.state.advance(None, now))?;
    let ended = end_others(connection, open, caller, EndReason::PasswordChange)?;
    let mut changes = Changes::default();
    changes.stamped([caller.user_id]);
    Ok(changes.with(PasswordChangeOutcome::Changed { session, ended }))
}
