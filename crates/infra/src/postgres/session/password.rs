//! A new password, which ends all sessions but the one that set it.

use diesel::PgConnection;
use diesel::prelude::*;
use domain::session::{EndReason, PasswordChange, PasswordChangeOutcome};

use super::{end_others, lock_open, rotate};
use crate::db::{self, DbError};
use crate::postgres::stored::ACTIVE;
use crate::schema::users;

/// The account's row is locked first, which holds off those who log in with the old password: they share it.
pub(super) fn change(
    connection: &mut PgConnection,
    change: &PasswordChange,
) -> Result<PasswordChangeOutcome, DbError> {
    let caller = change.caller;
    let present: Option<String> = users::table
        .find(caller.user_id.as_uuid())
        .filter(users::state.eq(ACTIVE))
        .select(users::password_hash)
        .for_no_key_update()
        .first(connection)
        .optional()?;
    let Some(present) = present else { return Ok(PasswordChangeOutcome::Over) };
    let open = lock_open(connection, caller.user_id)?;
    let Some(locked) = rotate::lock(connection, caller.session_id, caller.user_id)? else {
        return Ok(PasswordChangeOutcome::Over);
    };
    if present != change.verified_hash.expose() {
        return Ok(PasswordChangeOutcome::OtherPassword);
    }
    diesel::update(users::table.find(caller.user_id.as_uuid()))
        .set(users::password_hash.eq(change.new_hash.expose()))
        .execute(connection)?;
    let now = db::now(connection)?;
    let session = locked.move_on(connection, None, now)?;
    let ended = end_others(connection, (open, caller), EndReason::PasswordChange)?;
    Ok(PasswordChangeOutcome::Changed { session, ended })
}
