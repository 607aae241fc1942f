//! The login throttle on PostgreSQL.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types as sql;
use domain::error::PortError;
use domain::login_throttle::{
    AttemptAdmission, AttemptResult, EnteredIdentifier, FailureRecord, LoginThrottle, ThrottleKey,
    count_attempt, release,
};
use domain::number::saturating;
use sha2::{Digest, Sha256};

use super::known_devices;
use crate::db::{self, Db, DbError, statement};
use crate::schema::login_throttles;

/// The failure records of the login throttle on PostgreSQL.
#[derive(Clone)]
pub struct PgLoginThrottle {
    db: Arc<Db>,
}

impl PgLoginThrottle {
    /// Creates the repository on `db`.
    #[must_use]
    pub const fn new(db: Arc<Db>) -> Self {
        Self { db }
    }
}

/// A stored key. It is hashed, because users may type a password into the wrong field.
type KeyHash = [u8; 32];

fn hash(key: &ThrottleKey) -> KeyHash {
    let (kind, text) = match key {
        ThrottleKey::Identifier(EnteredIdentifier::Uid(text)) => ("uid", text.clone().into_bytes()),
        ThrottleKey::Identifier(EnteredIdentifier::PhoneNumber(text)) => ("phone", text.clone().into_bytes()),
        ThrottleKey::Known(device) => {
            let account = device.user_id.as_uuid().into_bytes();
            ("known", [&account[..], &known_devices::hash(&device.origin)].concat())
        }
        ThrottleKey::Session(id) => ("session", id.as_uuid().into_bytes().to_vec()),
        ThrottleKey::Address(address) => ("address", address.get().to_string().into_bytes()),
    };
    Sha256::new().chain_update(kind).chain_update([0]).chain_update(text).finalize().into()
}

struct HashedKey {
    hash: KeyHash,
    key: ThrottleKey,
}

/// The keys in lock order, which prevents deadlocks.
fn in_lock_order(keys: &[ThrottleKey]) -> Vec<HashedKey> {
    let mut keys: Vec<_> = keys.iter().map(|key| HashedKey { hash: hash(key), key: key.clone() }).collect();
    keys.sort_unstable_by_key(|key| key.hash);
    keys
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = login_throttles)]
struct FailureRow {
    failures: i32,
    blocked_until: DateTime<Utc>,
    forgiven_at: DateTime<Utc>,
}

impl From<FailureRow> for FailureRecord {
    fn from(row: FailureRow) -> Self {
        Self {
            count: saturating(row.failures),
            blocked_until: row.blocked_until,
            forgiven_at: row.forgiven_at,
        }
    }
}

/// The refusal of an attempt while one of its keys is blocked. This read-only check keeps most refusals free of locks
/// and writes.
fn refusal(connection: &mut PgConnection, keys: &[HashedKey]) -> Result<Option<AttemptAdmission>, DbError> {
    let hashes: Vec<&[u8]> = keys.iter().map(|key| key.hash.as_slice()).collect();
    let blocked: Option<DateTime<Utc>> = login_throttles::table
        .filter(login_throttles::key.eq_any(hashes))
        .select(diesel::dsl::max(login_throttles::blocked_until))
        .first(connection)?;
    let Some(blocked_until) = blocked else { return Ok(None) };
    let left = blocked_until.signed_duration_since(db::now(connection)?).to_std().ok();
    Ok(left.filter(|left| !left.is_zero()).map(|retry_after| AttemptAdmission::Refused { retry_after }))
}

statement! {
    // An existing row is set to its own value, which locks and returns it.
    LockOrInsert<'a> { key: &'a [u8] } -> (sql::Integer, sql::Timestamptz, sql::Timestamptz);
    "INSERT INTO login_throttles AS t (key, failures, last_failure_at, blocked_until, forgiven_at)
     SELECT " [key: sql::Binary] ", 0, now, now, now FROM clock_timestamp() now
         ON CONFLICT (key) DO UPDATE SET failures = t.failures
     RETURNING t.failures, t.blocked_until, t.forgiven_at"
}

/// Locks the row of a key, inserting it if it is missing.
fn lock_or_insert(connection: &mut PgConnection, key: &KeyHash) -> Result<FailureRecord, DbError> {
    Ok(LockOrInsert { key }.get_result::<FailureRow>(connection)?.into())
}

statement! {
    // NULL for `failed_at` keeps the time of the last failure.
    UpdateRecord<'a> {
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
    key: &KeyHash,
    record: &FailureRecord,
    failed_at: Option<DateTime<Utc>>,
) -> Result<(), DbError> {
    let update = UpdateRecord {
        key,
        failures: saturating(record.count),
        blocked_until: record.blocked_until,
        forgiven_at: record.forgiven_at,
        failed_at,
    };
    update.execute(connection)?;
    Ok(())
}

fn count(connection: &mut PgConnection, keys: &[HashedKey]) -> Result<AttemptAdmission, DbError> {
    if let Some(refused) = refusal(connection, keys)? {
        return Ok(refused);
    }
    let mut records = Vec::new();
    for key in keys {
        records.push(lock_or_insert(connection, &key.hash)?);
    }
    let now = db::now(connection)?;
    let attempts = keys.iter().zip(&records).map(|(key, record)| count_attempt(&key.key, Some(record), now));
    let (counted, refused): (Vec<_>, Vec<_>) = attempts.partition(Result::is_ok);
    if let Some(retry_after) = refused.into_iter().filter_map(Result::err).max() {
        return Ok(AttemptAdmission::Refused { retry_after });
    }
    for (key, record) in keys.iter().zip(counted.into_iter().flatten()) {
        store(connection, &key.hash, &record, Some(now))?;
    }
    Ok(AttemptAdmission::Admitted)
}

fn release_keys(
    connection: &mut PgConnection,
    keys: &[HashedKey],
    result: AttemptResult,
) -> Result<(), DbError> {
    for HashedKey { hash, key } in keys {
        let row = login_throttles::table.find(hash.as_slice());
        let stored: Option<FailureRow> =
            row.select(FailureRow::as_select()).for_update().first(connection).optional()?;
        let Some(record) = stored.map(FailureRecord::from) else { continue };
        match release(key, &record, result, db::now(connection)?) {
            Some(left) => store(connection, hash, &left, None)?,
            None => drop(diesel::delete(row).execute(connection)?),
        }
    }
    Ok(())
}

#[async_trait]
impl LoginThrottle for PgLoginThrottle {
    async fn count(&self, keys: &[ThrottleKey]) -> Result<AttemptAdmission, PortError> {
        let keys = in_lock_order(keys);
        self.db.transaction(move |connection| count(connection, &keys)).await
    }

    async fn release(&self, keys: &[ThrottleKey], result: AttemptResult) -> Result<(), PortError> {
        let keys = in_lock_order(keys);
        self.db.transaction(move |connection| release_keys(connection, &keys, result)).await
    }
}
