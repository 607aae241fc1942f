//! Users on PostgreSQL: registration, credentials, profiles and uid changes.

pub(super) mod lookup;
mod profile;
mod registration;
pub(in crate::postgres::accounts) mod retired_uid;
pub(in crate::postgres) mod summary;
mod uid_change;
mod uid_claim;

use std::sync::Arc;

use async_trait::async_trait;
use domain::account::{
    AccountSummary, Credentials, LoginIdentifier, NewUser, PasswordHash, Profile, ProfileChange,
    RegisterOutcome, Uid, UidChangeOutcome, UidChangeRules, UserRepository,
};
use domain::auth::DeviceName;
use domain::error::PortError;
use domain::id::UserId;

use crate::db::Db;

pub(super) use lookup::id_of;

/// Users on PostgreSQL.
#[derive(Clone)]
pub struct PgUserRepository {
    db: Arc<Db>,
}

impl PgUserRepository {
    /// Creates the repository on `db`.
    #[must_use]
    pub const fn new(db: Arc<Db>) -> Self {
        Self { db }
    }
}

impl PgUserRepository {
    /// Replaces an account's password hash if it is still this one.
    ///
    /// # Errors
    /// Any `PortError` from the database.
    pub async fn replace_hash(
        &self,
        user: UserId,
        verified: PasswordHash,
        new: PasswordHash,
    ) -> Result<bool, PortError> {
        self.db.write(move |connection| lookup::replace_hash(connection, user, &verified, &new)).await
    }
}

#[async_trait]
impl UserRepository for PgUserRepository {
    async fn register(&self, user: &NewUser, device: &DeviceName) -> Result<RegisterOutcome, PortError> {
        let (user, device) = (user.clone(), device.clone());
        self.db.transaction(move |connection| registration::register(connection, &user, &device)).await
    }

    async fn credentials(&self, identifier: &LoginIdentifier) -> Result<Option<Credentials>, PortError> {
        let identifier = identifier.clone();
        self.db.run(move |connection| lookup::credentials(connection, &identifier)).await
    }

    async fn summary(&self, id: UserId) -> Result<Option<AccountSummary>, PortError> {
        self.db.run(move |connection| summary::find(connection, id)).await
    }

    async fn change_profile(
        &self,
        id: UserId,
        change: &ProfileChange,
    ) -> Result<Option<AccountSummary>, PortError> {
        let change = change.clone();
        self.db.change(move |connection| summary::change(connection, id, &change)).await
    }

    async fn find_by_uid(&self, viewer: UserId, uid: &Uid) -> Result<Option<Profile>, PortError> {
        let uid = uid.clone();
        self.db.run(move |connection| profile::find(connection, viewer, &uid)).await
    }

    async fn find_by_id(&self, viewer: UserId, id: UserId) -> Result<Option<Profile>, PortError> {
        self.db.run(move |connection| profile::find_related(connection, viewer, id)).await
    }

    async fn change_uid(
        &self,
        id: UserId,
        wanted: &Uid,
        rules: UidChangeRules,
    ) -> Result<UidChangeOutcome, PortError> {
        let wanted = wanted.clone();
        self.db.change(move |connection| uid_change::change_uid(connection, id, &wanted, rules)).await
    }
}
