//! Use-cases of a profile: read, change, change the uid, find by uid.

use std::sync::Arc;

use crate::account::{
    AccountSummary, Profile, ProfileChange, ProfileError, Uid, UidChangeOutcome, UidChangeRefusal,
    UidChangeRules, UserRepository,
};
use crate::id::UserId;
use crate::quota::LookupQuota;

/// Shows and changes profiles.
pub struct ProfileService {
    users: Arc<dyn UserRepository>,
    uid_changes: UidChangeRules,
    lookups: Option<Arc<dyn LookupQuota>>,
}

impl ProfileService {
    /// Creates the service. Without `lookups` looking users up is unlimited.
    #[must_use]
    pub fn new(
        users: Arc<dyn UserRepository>,
        uid_changes: UidChangeRules,
        lookups: Option<Arc<dyn LookupQuota>>,
    ) -> Self {
        Self { users, uid_changes, lookups }
    }

    /// The caller's own account and its counters.
    ///
    /// # Errors
    /// [`ProfileError::AccountGone`].
    pub async fn me(&self, caller: UserId) -> Result<AccountSummary, ProfileError> {
        self.users.summary(caller).await?.ok_or(ProfileError::AccountGone)
    }

    /// Changes the caller's profile. Friends see a new name at once.
    ///
    /// # Errors
    /// [`ProfileError::AccountGone`].
    pub async fn change(
        &self,
        caller: UserId,
        change: &ProfileChange,
    ) -> Result<AccountSummary, ProfileError> {
        self.users.change_profile(caller, change).await?.ok_or(ProfileError::AccountGone)
    }

    /// Looks an account up by uid, ignoring case.
    ///
    /// # Errors
    /// [`ProfileError::UnknownUser`], [`ProfileError::LookupsUsedUp`].
    pub async fn find_by_uid(&self, caller: UserId, uid: &Uid) -> Result<Profile, ProfileError> {
        if let Some(quota) = &self.lookups {
            quota.spend(caller).map_err(ProfileError::LookupsUsedUp)?;
        }
        self.users.find_by_uid(caller, uid).await?.ok_or(ProfileError::UnknownUser)
    }

    /// The account with this id: the caller's own, a friend's, or that of a pending request between the two.
    ///
    /// # Errors
    /// [`ProfileError::UnknownUser`], also for any other account.
    pub async fn find_by_id(&self, caller: UserId, id: UserId) -> Result<Profile, ProfileError> {
        self.users.find_by_id(caller, id).await?.ok_or(ProfileError::UnknownUser)
    }

    /// Changes the caller's uid.
    ///
    /// # Errors
    /// [`ProfileError::UidTaken`], [`ProfileError::UidUnchanged`], [`ProfileError::UidChangedTooRecently`],
    /// [`ProfileError::UidChangesUsedUp`], [`ProfileError::AccountGone`].
    pub async fn change_uid(&self, caller: UserId, wanted: &Uid) -> Result<(), ProfileError> {
        match self.users.change_uid(caller, wanted, self.uid_changes).await? {
            UidChangeOutcome::Changed => Ok(()),
            UidChangeOutcome::Taken | UidChangeOutcome::Refused(UidChangeRefusal::Reserved) => {
                Err(ProfileError::UidTaken)
            }
            UidChangeOutcome::Refused(UidChangeRefusal::Unchanged) => Err(ProfileError::UidUnchanged),
            UidChangeOutcome::Refused(UidChangeRefusal::TooRecent) => {
                Err(ProfileError::UidChangedTooRecently)
            }
            UidChangeOutcome::QuotaUsedUp(wait) => Err(ProfileError::UidChangesUsedUp(wait)),
            UidChangeOutcome::UnknownUser => Err(ProfileError::AccountGone),
        }
    }
}
