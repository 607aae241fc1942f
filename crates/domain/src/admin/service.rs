//! Use-cases of operators: list accounts, reset passwords, end sessions.

use std::sync::Arc;

use super::{AccountDetails, AccountPage, AccountPageRequest, AdminError, AdminRepository};
use crate::account::{HashingTurn, Password, PasswordHasher, Uid};
use crate::id::UserId;

/// The use-cases of operators. They require no authentication: an operator who can run them has access to the database.
pub struct AdminService {
    repository: Arc<dyn AdminRepository>,
    hasher: Arc<dyn PasswordHasher>,
}

impl AdminService {
    /// Uses the given ports.
    #[must_use]
    pub fn new(repository: Arc<dyn AdminRepository>, hasher: Arc<dyn PasswordHasher>) -> Self {
        Self { repository, hasher }
    }

    /// All accounts, oldest first.
    ///
    /// # Errors
    /// Any port error.
    pub async fn list(&self, page: &AccountPageRequest) -> Result<AccountPage, AdminError> {
        Ok(self.repository.list(page).await?)
    }

    /// The account with this id, in any state.
    ///
    /// # Errors
    /// [`AdminError::UnknownUser`], or any port error.
    pub async fn details(&self, user: UserId) -> Result<AccountDetails, AdminError> {
        self.repository.details(user).await?.ok_or(AdminError::UnknownUser)
    }

    /// The id of the account with this uid.
    ///
    /// # Errors
    /// [`AdminError::UnknownUser`], or any port error.
    pub async fn identify(&self, uid: &Uid) -> Result<UserId, AdminError> {
        self.repository.identify(uid).await?.ok_or(AdminError::UnknownUser)
    }

    /// Replaces the password of an account and ends all its sessions.
    ///
    /// # Errors
    /// [`AdminError::UnknownUser`], or any port error.
    pub async fn reset_password(&self, user: UserId, new: &Password) -> Result<(), AdminError> {
        let hash = self.hasher.hash(HashingTurn::Account(user), new).await?;
        if self.repository.set_password(user, &hash).await? { Ok(()) } else { Err(AdminError::UnknownUser) }
    }

    /// Ends all open sessions of an account and returns their number.
    ///
    /// # Errors
    /// Any port error.
    pub async fn end_sessions(&self, user: UserId) -> Result<u64, AdminError> {
        Ok(self.repository.end_sessions(user).await?)
    }

    /// Ends all open sessions of all accounts and returns their number.
    ///
    /// # Errors
    /// Any port error.
    pub async fn end_all_sessions(&self) -> Result<u64, AdminError> {
        Ok(self.repository.end_all_sessions().await?)
    }
}
