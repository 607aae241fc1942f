use async_trait::async_trait;

use super::{AccountPage, AccountPageRequest};
use crate::account::{PasswordHash, Uid};
use crate::error::PortError;
use crate::id::UserId;

/// Keeps what operators work on.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
#[async_trait]
pub trait AdminRepository: Send + Sync {
    /// All accounts in the order of their ids, erased ones included.
    ///
    /// # Errors
    /// Below the port.
    async fn list(&self, page: &AccountPageRequest) -> Result<AccountPage, PortError>;

    /// The account with this uid, whatever its case, active or disabled.
    ///
    /// # Errors
    /// Below the port.
    async fn identify(&self, uid: &Uid) -> Result<Option<UserId>, PortError>;

    /// Gives an account another password and ends all its sessions: both or neither. MUST hold off logins with the old
    /// password meanwhile. Is false when there is no such account, or it is erased.
    ///
    /// # Errors
    /// Below the port.
    async fn set_password(&self, user: UserId, hash: &PasswordHash) -> Result<bool, PortError>;

    /// Ends all sessions of an account and tells how many there were.
    ///
    /// # Errors
    /// Below the port.
    async fn end_sessions(&self, user: UserId) -> Result<u64, PortError>;

    /// Ends all sessions of everybody and tells how many there were.
    ///
    /// # Errors
    /// Below the port.
    async fn end_all_sessions(&self) -> Result<u64, PortError>;
}
