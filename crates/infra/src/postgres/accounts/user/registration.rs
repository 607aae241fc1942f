//! Registration: inserts a user and its first session.

use diesel::PgConnection;
use diesel::prelude::*;
use domain::account::{NewUser, PhoneNumber, RegisterOutcome, User};
use domain::auth::DeviceName;

use super::lookup::{UserRow, with_uid};
use crate::db::{self, DbError};
use crate::postgres::accounts::session;
use crate::schema::users;

pub(super) fn register(
    connection: &mut PgConnection,
    user: &NewUser,
    device: &DeviceName,
) -> Result<RegisterOutcome, DbError> {
    let now = db::now(connection)?;
    let inserted = diesel::insert_into(users::table)
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
        .optional()?;
    if let Some(row) = inserted {
        let user = User::try_from(row)?;
        let session = session::insert(connection, user.id, device, now)?;
        return Ok(RegisterOutcome::Registered(user, session));
    }
    let uid_taken =
        diesel::select(diesel::dsl::exists(with_uid(user.uid.as_str()))).get_result(connection)?;
    Ok(if uid_taken { RegisterOutcome::UidTaken } else { RegisterOutcome::PhoneNumberTaken })
}
