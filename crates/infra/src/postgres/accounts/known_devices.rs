//! Known devices on PostgreSQL.

use std::sync::Arc;

use async_trait::async_trait;
use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bytea, Double, Uuid as SqlUuid};
use domain::account::LoginIdentifier;
use domain::error::PortError;
use domain::id::UserId;
use domain::known_device::{KNOWN_FOR, KnownDevice, KnownDevices, LoginOrigin};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::user::id_of;
use crate::db::{Db, DbError, statement};
use crate::schema::known_devices;

/// The known devices of all accounts on PostgreSQL.
#[derive(Clone)]
pub struct PgKnownDevices {
    db: Arc<Db>,
}

impl PgKnownDevices {
    /// Creates the repository on `db`.
    #[must_use]
    pub const fn new(db: Arc<Db>) -> Self {
        Self { db }
    }
}

/// The known devices of an account that are kept: the newest.
const KEPT: i64 = 20;

/// An origin as it is stored. It is hashed, because the identifier of a device is a secret.
pub(super) fn hash(origin: &LoginOrigin) -> [u8; 32] {
    let (kind, text) = match origin {
        LoginOrigin::Device(id) => ("device", id.expose().to_owned()),
        LoginOrigin::Address(address) => ("address", address.get().to_string()),
    };
    Sha256::new().chain_update(kind).chain_update([0]).chain_update(text).finalize().into()
}

statement! {
    FindKnown<'a> { user: &'a Uuid, devices: &'a [&'a [u8]], seconds: f64 } -> (Bytea);
    "SELECT device FROM known_devices
      WHERE user_id = " [user: SqlUuid] " AND device = ANY (" [devices: Array<Bytea>] ")
        AND logged_in_at > clock_timestamp() - make_interval(secs => " [seconds: Double] ")"
}

statement! {
    // The account's lock excludes an erasure, which would otherwise leave the new rows, and other logins, so that the number of
    // rows is bounded and no deadlock is possible.
    Remember<'a> { user: &'a Uuid, devices: &'a [&'a [u8]] } -> ();
    "WITH account AS (
         SELECT id FROM users WHERE id = " [user: SqlUuid] " AND state = 'active' FOR NO KEY UPDATE
     )
     INSERT INTO known_devices (user_id, device, logged_in_at)
     SELECT account.id, device, clock_timestamp() FROM account, unnest(" [devices: Array<Bytea>] ") AS device
         ON CONFLICT (user_id, device) DO UPDATE SET logged_in_at = excluded.logged_in_at"
}

statement! {
    ForgetOldest<'a> { user: &'a Uuid, kept: i64 } -> ();
    "DELETE FROM known_devices k USING (
         SELECT user_id, device FROM known_devices WHERE user_id = " [user: SqlUuid] "
          ORDER BY logged_in_at DESC, device OFFSET " [kept: BigInt] "
     ) old
      WHERE k.user_id = old.user_id AND k.device = old.device"
}

fn recognize(
    connection: &mut PgConnection,
    identifier: &LoginIdentifier,
    origins: &[LoginOrigin],
) -> Result<Option<KnownDevice>, DbError> {
    // Both statements run for an unknown account, too.
    let account = id_of(connection, identifier)?;
    let hashes: Vec<_> = origins.iter().map(hash).collect();
    let devices: Vec<&[u8]> = hashes.iter().map(<[u8; 32]>::as_slice).collect();
    let user = account.map_or_else(Uuid::nil, UserId::as_uuid);
    let find = FindKnown { user: &user, devices: &devices, seconds: KNOWN_FOR.as_secs_f64() };
    let known: Vec<(Vec<u8>,)> = find.load(connection)?;
    let is_known = |hash: &[u8; 32]| known.iter().any(|(device,)| device == hash);
    let origin =
        hashes.iter().zip(origins).find(|(hash, _)| is_known(hash)).map(|(_, origin)| origin.clone());
    Ok(account.zip(origin).map(|(user_id, origin)| KnownDevice { user_id, origin }))
}

fn remember(connection: &mut PgConnection, user: UserId, origins: &[LoginOrigin]) -> Result<(), DbError> {
    let hashes: Vec<_> = origins.iter().map(hash).collect();
    let devices: Vec<&[u8]> = hashes.iter().map(<[u8; 32]>::as_slice).collect();
    let user = &user.as_uuid();
    Remember { user, devices: &devices }.execute(connection)?;
    ForgetOldest { user, kept: KEPT }.execute(connection)?;
    Ok(())
}

/// Forgets all known devices of an account that is being erased; its row is locked.
pub(super) fn forget(connection: &mut PgConnection, user: UserId) -> Result<(), DbError> {
    let known = known_devices::table.filter(known_devices::user_id.eq(user.as_uuid()));
    diesel::delete(known).execute(connection)?;
    Ok(())
}

#[async_trait]
impl KnownDevices for PgKnownDevices {
    async fn recognize(
        &self,
        identifier: &LoginIdentifier,
        origins: &[LoginOrigin],
    ) -> Result<Option<KnownDevice>, PortError> {
        let (identifier, origins) = (identifier.clone(), origins.to_vec());
        self.db.run(move |connection| recognize(connection, &identifier, &origins)).await
    }

    async fn remember(&self, user: UserId, origins: &[LoginOrigin]) -> Result<(), PortError> {
        let origins = origins.to_vec();
        self.db.transaction(move |connection| remember(connection, user, &origins)).await
    }
}
