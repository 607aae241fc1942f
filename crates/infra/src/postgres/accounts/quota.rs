//! Token buckets on PostgreSQL, shared by all instances.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types as sql;
use domain::error::PortError;
use domain::id::UserId;
use domain::login_throttle::ClientAddress;
use domain::quota::{QuotaRate, RegistrationQuota, RegistrationRates};
use sha2::{Digest, Sha256};

use crate::db::{self, Db, DbError, statement};
use crate::schema::quotas;

/// What a bucket counts.
pub(super) enum QuotaSubject {
    /// Registrations from an address.
    RegistrationsFrom(ClientAddress),
    /// All registrations.
    Registrations,
    /// Changes of uid by an account, attempts that find the uid taken included.
    UidChangesOf(UserId),
}

impl QuotaSubject {
    /// The key of the bucket. It is hashed, so that the table holds no addresses.
    fn key(&self) -> [u8; 32] {
        let (kind, text) = match self {
            Self::RegistrationsFrom(address) => ("registrations from", address.get().to_string()),
            Self::Registrations => ("registrations", String::new()),
            Self::UidChangesOf(user) => ("uid changes", user.to_string()),
        };
        Sha256::new().chain_update(kind).chain_update([0]).chain_update(text).finalize().into()
    }
}

/// A bucket and its rate.
pub(super) struct Bucket {
    key: [u8; 32],
    rate: QuotaRate,
}

impl Bucket {
    pub(super) fn new(counted: &QuotaSubject, rate: QuotaRate) -> Self {
        Self { key: counted.key(), rate }
    }

    /// The time at which the bucket is full again after one more withdrawal, or the time to wait for that.
    fn spend(&self, full_at: DateTime<Utc>, now: DateTime<Utc>) -> Result<DateTime<Utc>, Duration> {
        let until_full = full_at.signed_duration_since(now).to_std().unwrap_or_default();
        let spent = TimeDelta::from_std(self.rate.spend(until_full, 1)?).unwrap_or(TimeDelta::MAX);
        Ok(now.checked_add_signed(spent).unwrap_or(now))
    }
}

statement! {
    // An existing row is set to its own value, which locks and returns it.
    LockOrInsert<'a> { key: &'a [u8] } -> (sql::Timestamptz);
    "INSERT INTO quotas AS q (key, full_at) SELECT " [key: sql::Binary] ", now FROM clock_timestamp() now
         ON CONFLICT (key) DO UPDATE SET full_at = q.full_at
     RETURNING q.full_at"
}

/// The time to wait according to the buckets as they are. This read-only check keeps most refusals free of locks and writes.
fn refusal(connection: &mut PgConnection, buckets: &[Bucket]) -> Result<Option<Duration>, DbError> {
    let mut longest = None;
    for bucket in buckets {
        let full_at = quotas::table.find(bucket.key.as_slice()).select(quotas::full_at).first(connection);
        let Some(full_at) = full_at.optional()? else { continue };
        longest = longest.max(bucket.spend(full_at, db::now(connection)?).err());
    }
    Ok(longest)
}

/// Takes one token from each bucket, or none and returns the time to wait. Concurrent callers MUST name the buckets in the same
/// order, because the rows are locked in it.
pub(super) fn spend(connection: &mut PgConnection, buckets: &[Bucket]) -> Result<Option<Duration>, DbError> {
    if let Some(wait) = refusal(connection, buckets)? {
        return Ok(Some(wait));
    }
    let mut locked = Vec::new();
    for bucket in buckets {
        let (full_at,): (DateTime<Utc>,) = LockOrInsert { key: &bucket.key }.get_result(connection)?;
        locked.push(full_at);
    }
    let now = db::now(connection)?;
    let decisions: Vec<_> =
        buckets.iter().zip(locked).map(|(bucket, full_at)| bucket.spend(full_at, now)).collect();
    if let Some(wait) = decisions.iter().filter_map(|decision| decision.err()).max() {
        return Ok(Some(wait));
    }
    for (bucket, full_at) in buckets.iter().zip(decisions.into_iter().flatten()) {
        diesel::update(quotas::table.find(bucket.key.as_slice()))
            .set(quotas::full_at.eq(full_at))
            .execute(connection)?;
    }
    Ok(None)
}

/// Counts registrations on PostgreSQL.
#[derive(Clone)]
pub struct PgRegistrationQuota {
    db: Arc<Db>,
    rates: RegistrationRates,
}

impl PgRegistrationQuota {
    /// Allows registrations at these rates.
    #[must_use]
    pub const fn new(db: Arc<Db>, rates: RegistrationRates) -> Self {
        Self { db, rates }
    }
}

#[async_trait]
impl RegistrationQuota for PgRegistrationQuota {
    async fn spend(&self, address: Option<ClientAddress>) -> Result<Option<Duration>, PortError> {
        let from = address
            .map(|address| Bucket::new(&QuotaSubject::RegistrationsFrom(address), self.rates.per_address));
        // The bucket that all share comes last, so that its lock is held for the shortest time.
        let all = Bucket::new(&QuotaSubject::Registrations, self.rates.overall);
        let buckets: Vec<_> = from.into_iter().chain([all]).collect();
        self.db.transaction(move |connection| spend(connection, &buckets)).await
    }
}
