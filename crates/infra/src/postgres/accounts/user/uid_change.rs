//! Uid changes.

use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use domain::account::{Uid, UidChange, UidChangeOutcome, UidChangeRules, decide_uid_change};
use domain::id::UserId;

use super::lookup::with_uid;
use super::{retired_uid, uid_claim};
use crate::db::{self, DbError, Noted};
use crate::postgres::accounts::quota::{self, Bucket, QuotaSubject};
use crate::postgres::change::Changes;
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
) -> Result<Noted<UidChangeOutcome>, DbError> {
    uid_claim::claim(connection, wanted)?;
    let locked: Option<CurrentUid> = users::table
        .find(id.as_uuid())
        .filter(users::state.eq(ACTIVE))
        .select(CurrentUid::as_select())
        .for_no_key_update()
        .first(connection)
        .optional()?;
    let Some(locked) = locked else { return Ok(Noted::nothing(UidChangeOutcome::UnknownUser)) };
    let (current, now) = (row_values::uid(id, &locked.uid)?, db::now(connection)?);
    let interval = rules.interval;
    let change = UidChange { current: &current, wanted, changed_at: locked.uid_changed_at, now, interval };
    if let Err(refusal) = decide_uid_change(&change) {
        return Ok(Noted::nothing(UidChangeOutcome::Refused(refusal)));
    }
    if let Some(rate) = rules.quota
        && let Some(wait) = quota::spend(connection, &[Bucket::new(&QuotaSubject::UidChangesOf(id), rate)])?
    {
        return Ok(Noted::nothing(UidChangeOutcome::QuotaUsedUp(wait)));
    }
    let others = with_uid(wanted).filter(users::id.ne(id.as_uuid()));
    let taken: bool = diesel::select(diesel::dsl::exists(others)).get_result(connection)?;
    // Looked up last: a change that gives the uid up is visible here if the uid was free above.
    if taken || retired_uid::is_reserved(connection, wanted, id, now)? {
        return Ok(Noted::nothing(UidChangeOutcome::Taken));
    }
    diesel::update(users::table.find(id.as_uuid()))
        .set((users::uid.eq(wanted.as_str()), users::uid_changed_at.eq(now)))
        .execute(connection)?;
    if !current.is_same_handle(wanted) {
        retired_uid::retire(connection, &current, id, now)?;
    }
    let mut changes = Changes::default();
    changes.shown(connection, id)?;
    Ok(changes.with(UidChangeOutcome::Changed))
}
