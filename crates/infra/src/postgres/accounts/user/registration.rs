//! Registration: redeems the invite, inserts a user and its first session.

use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use domain::account::{NewUser, PhoneNumber, RegisterOutcome, User};
use domain::auth::{DeviceName, Session};

use super::lookup::{UserRow, with_uid};
use super::{retired_uid, uid_claim};
use crate::db::{self, DbError};
use crate::postgres::accounts::{invite, session};
use crate::schema::users;

/// Why the work of a savepoint is undone.
enum Undone {
    InviteUnknown,
    UidTaken,
    PhoneNumberTaken,
    Failed(DbError),
}

impl<E: Into<DbError>> From<E> for Undone {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Registers in a savepoint, so that a refusal leaves no trace, such as a used invite.
pub(super) fn register(
    connection: &mut PgConnection,
    user: &NewUser,
    device: &DeviceName,
) -> Result<RegisterOutcome, DbError> {
    uid_claim::claim(connection, &user.uid)?;
    match connection.transaction(|connection| attempt(connection, user, device)) {
        Ok((user, session)) => Ok(RegisterOutcome::Registered(user, session)),
        Err(Undone::InviteUnknown) => Ok(RegisterOutcome::InviteUnknown),
        Err(Undone::UidTaken) => Ok(RegisterOutcome::UidTaken),
        Err(Undone::PhoneNumberTaken) => Ok(RegisterOutcome::PhoneNumberTaken),
        Err(Undone::Failed(error)) => Err(error),
    }
}

fn attempt(
    connection: &mut PgConnection,
    user: &NewUser,
    device: &DeviceName,
) -> Result<(User, Session), Undone> {
    if let Some(code) = &user.invite
        && !invite::redeem(connection, code)?
    {
        return Err(Undone::InviteUnknown);
    }
    let now = db::now(connection)?;
    let Some(row) = insert(connection, user, now)? else {
        let taken = diesel::select(diesel::dsl::exists(with_uid(&user.uid)));
        let taken: bool = taken.get_result(connection)?;
        // Without a number it was the uid, even if a change has freed it since.
        let by_uid = taken || user.phone_number.is_none();
        return Err(if by_uid { Undone::UidTaken } else { Undone::PhoneNumberTaken });
    };
    let registered = User::try_from(row)?;
    if retired_uid::is_reserved(connection, &user.uid, registered.id, now)? {
        return Err(Undone::UidTaken);
    }
    let session = session::insert(connection, registered.id, device, now)?;
    Ok((registered, session))
}

/// Inserts the user; `None` if its uid or its phone number is taken.
fn insert(
    connection: &mut PgConnection,
    user: &NewUser,
    now: DateTime<Utc>,
) -> Result<Option<UserRow>, DbError> {
    Ok(diesel::insert_into(users::table)
        .values((
            users::id.eq(db::new_id(now)?),
            users::uid.eq(user.uid.as_str()),
            users::name.eq(user.name.as_str()),
            users::phone_number.eq(user.phone_number.as_ref().map(PhoneNumber::as_str)),
            users::password_hash.eq(user.password_hash.expose()),
        ))
        .on_conflict_do_nothing()
        .returning(UserRow::as_returning())
        .get_result(connection)
        .optional()?)
}
