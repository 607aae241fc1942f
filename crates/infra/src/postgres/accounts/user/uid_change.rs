//! Uid changes.

use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use domain::account::{Uid, UidChange, UidChangeOutcome, UidChangeRules, decide_uid_change};
use domain::id::UserId;

use super::retired_uid;
use crate::db::{self, DbError};
use crate::postgres::accounts::quota::{self, Bucket, Counted};
use crate::postgres::row_values::{self, ACTIVE};
use crate::schema::users;

#[derive(Queryable, Selectable)]
#[diesel(table_name = users)]
struct CurrentUid {
    uid: String,
    uid_changed_at: Option<DateTime<Utc>>,
}

pub(super) fn change_uid(
    connection: &mut PgConnection,
    id: UserId,
    wanted: &Uid,
    rules: UidChangeRules,
) -> Result<UidChangeOutcome, DbError> {
    let locked: Option<CurrentUid> = users::table
        .find(id.as_uuid())
        .filter(users::state.eq(ACTIVE))
        .select(CurrentUid::as_select())
        .for_no_key_update()
        .first(connection)
        .optional()?;
    let Some(locked) = locked else { return Ok(UidChangeOutcome::UnknownUser) };
    let (current, now) = (row_values::uid(id, &locked.uid)?, db::now(connection)?);
    let interval = rules.interval;
    let change = UidChange { current: &current, wanted, changed_at: locked.uid_changed_at, now, interval };
    if let Err(refusal) = decide_uid_change(&change) {
        return Ok(UidChangeOutcome::Refused(refusal));
    }
    if let Some(rate) = rules.quota
        && let Some(wait) = quota::spend(connection, &[Bucket::new(&Counted::UidChangesOf(id), rate)])?
    {
        return Ok(UidChangeOutcome::QuotaUsedUp(wait));
    }
    // In a savepoint, because a taken uid shows as a unique violation, which aborts the transaction.
    match connection.transaction(|connection| claim(connection, id, wanted, now)) {
        Ok(()) => {}
        Err(DbError::Query(
            DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)
            | DieselError::RollbackTransaction,
        )) => return Ok(UidChangeOutcome::Taken),
        Err(error) => return Err(error),
    }
    if !current.is_same_handle(wanted) {
        retired_uid::retire(connection, &current, id, now)?;
    }
    Ok(UidChangeOutcome::Changed)
}

/// Gives the account the uid, unless another account has it or gave it up lately.
fn claim(connection: &mut PgConnection, id: UserId, wanted: &Uid, now: DateTime<Utc>) -> Result<(), DbError> {
    diesel::update(users::table.find(id.as_uuid()))
        .set((users::uid.eq(wanted.as_str()), users::uid_changed_at.eq(now)))
        .execute(connection)?;
    if retired_uid::is_reserved(connection, wanted, id, now)? {
        return Err(DieselError::RollbackTransaction.into());
    }
    Ok(())
}
