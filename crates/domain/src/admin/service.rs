use std::sync::Arc;

use super::{AccountPage, AccountPageRequest, AdminError, AdminRepository};
use crate::account::{Password, PasswordHasher, Uid};
use crate::id::UserId;

/// The use-cases of those who operate the server. They need no password and no token: who can run them has the database.
pub struct AdminService {
    repository: Arc<dyn AdminRepository>,
    hasher: Arc<dyn PasswordHasher>,
}

impl AdminService {
    /// Wires the use-cases.
    #[must_use]
    pub fn new(repository: Arc<dyn AdminRepository>, hasher: Arc<dyn PasswordHasher>) -> Self {
        Self { repository, hasher }
    }

    /// All accounts, oldest first.
    ///
    /// # Errors
    /// Below the port.
    pub async fn list(&self, page: &AccountPageRequest) -> Result<AccountPage, AdminError> {
        Ok(self.repository.list(page).await?)
    }

    /// Whose uid this is.
    ///
    /// # Errors
    /// [`AdminError::UnknownUser`].
    pub async fn identify(&self, uid: &Uid) -> Result<UserId, AdminError> {
        self.repository.identify(uid).await?.ok_or(AdminError::UnknownUser)
    }

    /// Gives an account another password; all its sessions end.
    ///
    /// # Errors
    /// [`AdminError::UnknownUser`].
    pub async fn reset_password(&self, user: UserId, new: &Password) -> Result<(), AdminError> {
        let hash = self.hasher.hash(new).await?;
        if self.repository.set_password(user, &hash).await? { Ok(()) } else { Err(AdminError::UnknownUser) }
    }

    /// Ends all sessions of an account and tells how many there were.
    ///
    /// # Errors
    /// Below the port.
    pub async fn end_sessions(&self, user: UserId) -> Result<u64, AdminError> {
        Ok(self.repository.end_sessions(user).await?)
    }

    /// Ends all sessions of everybody and tells how many there were.
    ///
    /// # Errors
    /// Below the port.
    pub async fn end_all_sessions(&self) -> Result<u64, AdminError> {
        Ok(self.repository.end_all_sessions().await?)
    }
}
