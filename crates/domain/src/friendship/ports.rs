use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{Friend, Remark};
use crate::conversation::Pair;
use crate::error::PortError;
use crate::id::UserId;
use crate::page::{Page, PageRequest};

/// The sort key of the list of friends, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FriendCursor {
    /// When the two became friends.
    pub created_at: DateTime<Utc>,
    /// Which of those befriended then.
    pub friend_id: UserId,
}

/// One page of the list of friends.
pub type FriendPage = Page<Friend, FriendCursor>;
/// Which page of the list of friends.
pub type FriendPageRequest = PageRequest<FriendCursor, 10_000>;

/// Keeps the friendships.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
#[async_trait]
pub trait FriendshipRepository: Send + Sync {
    /// The owner's friends, newest first.
    ///
    /// # Errors
    /// Below the port.
    async fn list(&self, owner: UserId, page: &FriendPageRequest) -> Result<FriendPage, PortError>;

    /// Ends the friendship of a pair for both and clears and hides the conversation for `caller`.
    ///
    /// MUST lock the pair's row first, so that no message is accepted after the deletion has been committed. Is false
    /// when the two are not friends; nothing is changed then.
    ///
    /// # Errors
    /// Below the port.
    async fn remove(&self, pair: &Pair, caller: UserId) -> Result<bool, PortError>;

    /// Notes what `owner` calls the other one of `pair`. MUST show in the lists of friends and of conversations alike, and
    /// MUST leave nothing behind when the friendship ends at the same time. Is false when the two are not friends.
    ///
    /// # Errors
    /// Below the port.
    async fn set_remark(&self, pair: &Pair, owner: UserId, remark: &Remark) -> Result<bool, PortError>;
}
