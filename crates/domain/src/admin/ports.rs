//! Storage of operator commands.

use async_trait::async_trait;

use super::{AccountDetails, AccountPage, AccountPageRequest};
use crate::account::{PasswordHash, Uid};
use crate::error::PortError;
use crate::id::UserId;

/// Stores what operators work on.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
#[async_trait]
pub trait AdminRepository: Send + Sync {
    /// All accounts in the order of their ids, including erased ones.
    ///
    /// # Errors
    /// Any [`PortError`] from the adapter.
    async fn list(&self, page: &AccountPageRequest) -> Result<AccountPage, PortError>;

    /// The account with this id, in any state.
    ///
    /// # Errors
    /// Any [`PortError`] from the adapter.
    async fn details(&self, user: UserId) -> Result<Option<AccountDetails>, PortError>;

    /// The active or disabled account with this uid, ignoring case.
    ///
    /// # Errors
    /// Any [`PortError`] from the adapter.
    async fn identify(&self, uid: &Uid) -> Result<Option<UserId>, PortError>;

    /// Replaces the password of an account and ends all its sessions, atomically. Returns false if the account does not exist or
    /// is erased.
    ///
    /// A concurrent login with the old password MUST NOT leave an open session.
    ///
    /// # Errors
    /// Any [`PortError`] from the adapter.
    async fn set_password(&self, user: UserId, hash: &PasswordHash) -> Result<bool, PortError>;

    /// Ends all open sessions of an account and returns their number.
    ///
    /// # Errors
    /// Any [`PortError`] from the adapter.
    async fn end_sessions(&self, user: UserId) -> Result<u64, PortError>;

    /// Ends all open sessions of all accounts and returns their number.
    ///
    /// # Errors
    /// Any [`PortError`] from the adapter.
    async fn end_all_sessions(&self) -> Result<u64, PortError>;
}
