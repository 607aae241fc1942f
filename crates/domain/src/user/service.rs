use std::sync::Arc;
use std::time::Duration;

use super::{
    AccountSummary, Nickname, Profile, Uid, UidChangeOutcome, UidChangeRefusal, UserError, UserRepository,
};
use crate::id::UserId;

/// The use-cases on accounts, but for logging in (see [`crate::session::SessionService`]).
pub struct UserService {
    users: Arc<dyn UserRepository>,
    uid_change_interval: Duration,
}

impl UserService {
    /// Wires the use-cases; `uid_change_interval` is how long to wait between two changes of a uid (zero: no limit).
    #[must_use]
    pub fn new(users: Arc<dyn UserRepository>, uid_change_interval: Duration) -> Self {
        Self { users, uid_change_interval }
    }

    /// The caller's own account, and what waits for the caller.
    ///
    /// # Errors
    /// [`UserError::AccountGone`].
    pub async fn me(&self, caller: UserId) -> Result<AccountSummary, UserError> {
        self.users.overview(caller).await?.ok_or(UserError::AccountGone)
    }

    /// Gives the caller a new name; friends see it at once.
    ///
    /// # Errors
    /// [`UserError::AccountGone`].
    pub async fn rename(&self, caller: UserId, name: &Nickname) -> Result<AccountSummary, UserError> {
        self.users.rename(caller, name).await?.ok_or(UserError::AccountGone)
    }

    /// Looks somebody up by uid, whatever its case.
    ///
    /// # Errors
    /// [`UserError::UnknownUser`].
    pub async fn find_by_uid(&self, caller: UserId, uid: &Uid) -> Result<Profile, UserError> {
        self.users.find_by_uid(caller, uid).await?.ok_or(UserError::UnknownUser)
    }

    /// Gives the caller a new uid.
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
