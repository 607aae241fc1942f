use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types as sql;
use domain::error::PortError;
use domain::session::{
    Admission, AttemptResult, EnteredIdentifier, FailureRecord, LoginThrottle, ThrottleKey, count_guess,
    release,
};
use sha2::{Digest, Sha256};

use super::repository;
use crate::db::{self, DbError, statement};
use crate::schema::login_throttles;

repository! {
    /// The brake on guessing passwords, on PostgreSQL.
    PgLoginThrottle
}

/// A key as it is kept: hashed, so that nobody reads off the table what people have typed by mistake.
type Hashed = [u8; 32];

fn hashed(key: &ThrottleKey) -> Hashed {
    let (kind, text) = match key {
        ThrottleKey::Identifier(EnteredIdentifier::Uid(text)) => ("uid", text.clone()),
        ThrottleKey::Identifier(EnteredIdentifier::PhoneNumber(text)) => ("phone", text.clone()),
        ThrottleKey::Account(id) => ("account", id.to_string()),
        ThrottleKey::Address(address) => ("address", address.get().to_string()),
    };
    Sha256::new().chain_update(kind).chain_update([0]).chain_update(text).finalize().into()
}

/// Keys in the order in which their rows are locked.
fn in_order(keys: &[ThrottleKey]) -> Vec<(Hashed, ThrottleKey)> {
    let mut keys: Vec<_> = keys.iter().map(|key| (hashed(key), key.clone())).collect();
    keys.sort_unstable_by_key(|(hash, _)| *hash);
    keys
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = login_throttles)]
struct FailuresRow {
    failures: i32,
    blocked_until: DateTime<Utc>,
    forgiven_at: DateTime<Utc>,
}

impl From<FailuresRow> for FailureRecord {
    fn from(row: FailuresRow) -> Self {
        Self {
            count: u32::try_from(row.failures).unwrap_or_default(),
            blocked_until: row.blocked_until,
            forgiven_at: row.forgiven_at,
        }
    }
}

/// Whether a guess would be refused now. Most of those that are cost nothing but this look: no lock and no write.
fn refusal(
    connection: &mut PgConnection,
    keys: &[(Hashed, ThrottleKey)],
) -> Result<Option<Admission>, DbError> {
    let hashes: Vec<&[u8]> = keys.iter().map(|(hash, _)| hash.as_slice()).collect();
    let blocked: Option<DateTime<Utc>> = login_throttles::table
        .filter(login_throttles::key.eq_any(hashes))
        .select(diesel::dsl::max(login_throttles::blocked_until))
        .first(connection)?;
    let Some(blocked_until) = blocked else { return Ok(None) };
    let left = blocked_until.signed_duration_since(db::now(connection)?).to_std().ok();
    Ok(left.filter(|left| !left.is_zero()).map(|retry_after| Admission::Refused { retry_after }))
}

statement! {
    // Where the row is there, setting it to what it is locks and returns it.
    LockOrMake<'a> { key: &'a [u8] } -> (sql::Integer, sql::Timestamptz, sql::Timestamptz);
    "INSERT INTO login_throttles AS t (key, failures, last_failure_at, blocked_until, forgiven_at)
     SELECT " [key: sql::Binary] ", 0, now, now, now FROM clock_timestamp() now
         ON CONFLICT (key) DO UPDATE SET failures = t.failures
     RETURNING t.failures, t.blocked_until, t.forgiven_at"
}

/// The row of a key, made if it is not there, and locked.
fn lock_or_make(connection: &mut PgConnection, key: &Hashed) -> Result<FailureRecord, DbError> {
    Ok(LockOrMake { key }.get_result::<FailuresRow>(connection)?.into())
}

statement! {
    // Where nothing has failed now, the time of the last failure stays.
    Store<'a> {
        key: &'a [u8],
        failures: i32,
        blocked_until: DateTime<Utc>,
        forgiven_at: DateTime<Utc>,
        failed_at: Option<DateTime<Utc>>,
    } -> ();
    "UPDATE login_throttles
        SET failures = " [failures: sql::Integer] ", blocked_until = " [blocked_until: sql::Timestamptz]
    ", forgiven_at = " [forgiven_at: sql::Timestamptz]
    ", last_failure_at = coalesce(" [failed_at: sql::Nullable<sql::Timestamptz>] ", last_failure_at)
      WHERE key = " [key: sql::Binary]
}

fn store(
    connection: &mut PgConnection,
    key: &Hashed,
    failures: &FailureRecord,
    failed_at: Option<DateTime<Utc>>,
) -> Result<(), DbError> {
    let stored = Store {
        key,
        failures: i32::try_from(failures.count).unwrap_or(i32::MAX),
        blocked_until: failures.blocked_until,
        forgiven_at: failures.forgiven_at,
        failed_at,
    };
    stored.execute(connection)?;
    Ok(())
}

fn count(connection: &mut PgConnection, keys: &[(Hashed, ThrottleKey)]) -> Result<Admission, DbError> {
    if let Some(refused) = refusal(connection, keys)? {
        return Ok(refused);
    }
    let mut kept = Vec::new();
    for (hash, _) in keys {
        kept.push(lock_or_make(connection, hash)?);
    }
    let now = db::now(connection)?;
    let guesses = keys.iter().zip(&kept).map(|((_, key), kept)| count_guess(key, Some(kept), now));
    let (counted, refused): (Vec<_>, Vec<_>) = guesses.partition(Result::is_ok);
    if let Some(retry_after) = refused.into_iter().filter_map(Result::err).max() {
        return Ok(Admission::Refused { retry_after });
    }
    for ((hash, _), failures) in keys.iter().zip(counted.into_iter().flatten()) {
        store(connection, hash, &failures, Some(now))?;
    }
    Ok(Admission::Admitted)
}

fn release_keys(
    connection: &mut PgConnection,
    keys: &[(Hashed, ThrottleKey)],
    verdict: AttemptResult,
) -> Result<(), DbError> {
    for (hash, key) in keys {
        let row = login_throttles::table.find(hash.as_slice());
        let kept: Option<FailuresRow> =
            row.select(FailuresRow::as_select()).for_update().first(connection).optional()?;
        let Some(kept) = kept.map(FailureRecord::from) else { continue };
        match release(key, &kept, verdict, db::now(connection)?) {
            Some(left) => store(connection, hash, &left, None)?,
            None => drop(diesel::delete(row).execute(connection)?),
        }
    }
    Ok(())
}

#[async_trait]
impl LoginThrottle for PgLoginThrottle {
    async fn count(&self, keys: &[ThrottleKey]) -> Result<Admission, PortError> {
        let keys = in_order(keys);
        self.db.transaction(move |connection| count(connection, &keys)).await
    }

    async fn release(&self, keys: &[ThrottleKey], verdict: AttemptResult) -> Result<(), PortError> {
        let keys = in_order(keys);
        self.db.transaction(move |connection| release_keys(connection, &keys, verdict)).await
    }
}
