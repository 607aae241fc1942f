//! Uids that their owners gave up by a change. For 30 days only the same owner can have such a uid again, so that no other account
//! can pose as the owner.

use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use domain::account::Uid;
use domain::id::UserId;

use crate::db::DbError;
use crate::schema::retired_uids;

/// Whether a uid is reserved for another account than `claimant`.
///
/// MUST be called after the uid was found free or inserted: only then is the row of a change that gives it up visible.
pub(super) fn is_reserved(
    connection: &mut PgConnection,
    uid: &Uid,
    claimant: UserId,
    now: DateTime<Utc>,
) -> Result<bool, DbError> {
    let reservation = retired_uids::table
        .find(uid.folded())
        .filter(retired_uids::owner_id.ne(claimant.as_uuid()))
        .filter(retired_uids::retired_at.gt(now - Uid::RETIREMENT));
    Ok(diesel::select(diesel::dsl::exists(reservation)).get_result(connection)?)
}

/// Reserves a uid for the owner who gives it up.
pub(super) fn retire(
    connection: &mut PgConnection,
    uid: &Uid,
    owner: UserId,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    let reservation = (retired_uids::owner_id.eq(owner.as_uuid()), retired_uids::retired_at.eq(now));
    diesel::insert_into(retired_uids::table)
        .values((retired_uids::uid.eq(uid.folded()), reservation))
        .on_conflict(retired_uids::uid)
        .do_update()
        .set(reservation)
        .execute(connection)?;
    Ok(())
}

/// Frees all uids that an account gave up.
pub(in crate::postgres::accounts) fn free_all(
    connection: &mut PgConnection,
    owner: UserId,
) -> Result<(), DbError> {
    diesel::delete(retired_uids::table.filter(retired_uids::owner_id.eq(owner.as_uuid())))
        .execute(connection)?;
    Ok(())
}
