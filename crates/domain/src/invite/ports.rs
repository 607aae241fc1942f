//! Storage of invites.

use async_trait::async_trait;

use super::{Invite, InviteCode, InviteTerms};
use crate::error::PortError;

/// Stores invites. A registration redeems one in its own transaction, see [`crate::account::UserRepository::register`].
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
#[async_trait]
pub trait InviteRepository: Send + Sync {
    /// Stores an invite and returns it; `None` if another has the same id. MUST store no more of the code than its id and a hash.
    ///
    /// # Errors
    /// Any `PortError` from the adapter.
    async fn create(&self, code: &InviteCode, terms: InviteTerms) -> Result<Option<Invite>, PortError>;

    /// All invites, oldest first, used up and expired ones included.
    ///
    /// # Errors
    /// Any `PortError` from the adapter.
    async fn list(&self) -> Result<Vec<Invite>, PortError>;

    /// Deletes an invite, so that no registration with it succeeds any more. Returns false if there is none with this id.
    ///
    /// # Errors
    /// Any `PortError` from the adapter.
    async fn revoke(&self, id: &str) -> Result<bool, PortError>;

    /// Whether an account can be registered with this code now. The registration itself decides; this saves the hash of a
    /// password that would be in vain.
    ///
    /// # Errors
    /// Any `PortError` from the adapter.
    async fn is_open(&self, code: &InviteCode) -> Result<bool, PortError>;
}
