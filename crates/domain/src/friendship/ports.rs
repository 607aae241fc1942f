//! Storage of friendships, and the keyset cursor of their list.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{Friend, Remark};
use crate::conversation::Directed;
use crate::error::PortError;
use crate::id::UserId;
use crate::page::{Page, PageKey, PageRequest};

/// The sort key of the list of friends, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FriendCursor {
    /// When the friendship began.
    pub created_at: DateTime<Utc>,
    /// The tie-breaker.
    pub friend_id: UserId,
}

impl PageKey for FriendCursor {
    const MAX_ROWS: i64 = 10_000;
}

/// One page of the list of friends.
pub type FriendPage = Page<Friend, FriendCursor>;
/// A request for one page of the list of friends.
pub type FriendPageRequest = PageRequest<FriendCursor>;

/// Stores friendships.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
#[async_trait]
pub trait FriendshipRepository: Send + Sync {
    /// The owner's friends, newest first.
    ///
    /// # Errors
    /// Any [`PortError`] from the adapter.
    async fn list(&self, owner: UserId, page: &FriendPageRequest) -> Result<FriendPage, PortError>;

    /// Ends the friendship for both sides, and clears and hides the conversation for the caller. Returns false and changes
    /// nothing if the two are not friends.
    ///
    /// MUST lock the pair's row first, so that no message is accepted after the deletion has been committed.
    ///
    /// # Errors
    /// Any [`PortError`] from the adapter.
    async fn remove(&self, caller: Directed) -> Result<bool, PortError>;

    /// Sets the owner's remark for the peer. Returns false if the two are not friends.
    ///
    /// The remark MUST appear in the list of friends and in the list of conversations alike, and MUST NOT survive a
    /// friendship that ends at the same time.
    ///
    /// # Errors
    /// Any [`PortError`] from the adapter.
    async fn set_remark(&self, owner: Directed, remark: &Remark) -> Result<bool, PortError>;
}
