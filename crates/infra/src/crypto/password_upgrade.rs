//! Password upgrades: after a login, a hash of a lower cost than the setting is replaced in the background.

use std::sync::Arc;

use domain::account::{PasswordUpgrade, PasswordUpgrades};

use super::password::BcryptHasher;
use crate::postgres::PgUserRepository;

/// Replaces outdated hashes with the hasher's present cost.
pub struct BackgroundPasswordUpgrades {
    hasher: Arc<BcryptHasher>,
    users: PgUserRepository,
}

impl BackgroundPasswordUpgrades {
    /// Hashes with `hasher` and stores with `users`.
    #[must_use]
    pub const fn new(hasher: Arc<BcryptHasher>, users: PgUserRepository) -> Self {
        Self { hasher, users }
    }
}

impl PasswordUpgrades for BackgroundPasswordUpgrades {
    fn upgrade(&self, upgrade: PasswordUpgrade) {
        if !self.hasher.is_outdated(&upgrade.verified_hash) {
            return;
        }
        let (hasher, users) = (Arc::clone(&self.hasher), self.users.clone());
        // A failure, such as a full queue, is left to the next login.
        tokio::spawn(async move {
            let PasswordUpgrade { user_id, attempt, verified_hash } = upgrade;
            if let Ok(new_hash) = hasher.rehash(user_id, &attempt).await {
                let _ = users.replace_hash(user_id, verified_hash, new_hash).await;
            }
        });
    }
}
