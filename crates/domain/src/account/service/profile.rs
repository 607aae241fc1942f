//! Use-cases of a profile: read, rename, change the uid, find by uid.

use std::sync::Arc;
use std::time::Duration;

use crate::account::{
    AccountSummary, Nickname, Profile, Uid, UidChangeOutcome, UidChangeRefusal, UserError, UserRepository,
};
use crate::id::UserId;

/// Shows and changes profiles.
pub struct UserService {
    users: Arc<dyn UserRepository>,
    uid_change_interval: Duration,
}

impl UserService {
    /// Creates the service. `uid_change_interval` is the least time between two uid changes; zero for no limit.
    #[must_use]
    pub fn new(users: Arc<dyn UserRepository>, uid_change_interval: Duration) -> Self {
        Self { users, uid_change_interval }
    }

    /// The caller's own account and its counters.
    ///
    /// # Errors
    /// [`UserError::AccountGone`].
    pub async fn me(&self, caller: UserId) -> Result<AccountSummary, UserError> {
        self.users.overview(caller).await?.ok_or(UserError::AccountGone)
    }

    /// Renames the caller. Friends see the new name at once.
    ///
    /// # Errors
    /// [`UserError::AccountGone`].
    pub async fn rename(&self, caller: UserId, name: &Nickname) -> Result<AccountSummary, UserError> {
        self.users.rename(caller, name).await?.ok_or(UserError::AccountGone)
    }

    /// Looks an account up by uid, ignoring case.
    ///
    /// # Errors
    /// [`UserError::UnknownUser`].
    pub async fn find_by_uid(&self, caller: UserId, uid: &Uid) -> Result<Profile, UserError> {
        self.users.find_by_uid(caller, uid).await?.ok_or(UserError::UnknownUser)
    }

    /// Changes the caller's uid.
    ///
    /// # Errors
    /// [`UserError::UidTaken`], [`UserError::UidUnchanged`], [`UserError::UidChangedTooRecently`],
    /// [`UserError::AccountGone`].
    pub async fn change_uid(&self, caller: UserId, wanted: &Uid) -> Result<(), UserError> {
        match self.users.change_uid(caller, wanted, self.uid_change_interval).await? {
            UidChangeOutcome::Changed => Ok(()),
            UidChangeOutcome::Taken => Err(UserError::UidTaken),
            UidChangeOutcome::Refused(UidChangeRefusal::Unchanged) => Err(UserError::UidUnchanged),
            UidChangeOutcome::Refused(UidChangeRefusal::TooRecent) => Err(UserError::UidChangedTooRecently),
            UidChangeOutcome::UnknownUser => Err(UserError::AccountGone),
        }
    }
}
