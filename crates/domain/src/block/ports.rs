use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::conversation::Pair;
use crate::error::PortError;
use crate::id::UserId;
use crate::page::{Page, PageRequest};
use crate::user::{DisplayName, Uid};

/// Somebody whom the owner of the list blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockedUser {
    /// The account.
    pub user_id: UserId,
    /// 微信号; none once the account is erased.
    pub uid: Option<Uid>,
    /// What the account is called now.
    pub name: DisplayName,
    /// Since when.
    pub created_at: DateTime<Utc>,
}

/// The sort key of the list of blocked users, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockCursor {
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// Which of those blocked then.
    pub user_id: UserId,
}

/// One page of the list of blocked users.
pub type BlockPage = Page<BlockedUser, BlockCursor>;
/// Which page of the list of blocked users.
pub type BlockPageRequest = PageRequest<BlockCursor, 1000>;

/// Keeps the blocks.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
#[async_trait]
pub trait BlockRepository: Send + Sync {
    /// Blocks the other one of `pair` for `owner`; repeating changes nothing. MUST lock the pair's row first, so that no
    /// message is accepted after the block has been committed. Is false when the other one is not there or was erased.
    ///
    /// # Errors
    /// Below the port.
    async fn block(&self, pair: &Pair, owner: UserId) -> Result<bool, PortError>;

    /// Lifts a block; repeating changes nothing. Is false when the other one was never there.
    ///
    /// # Errors
    /// Below the port.
    async fn unblock(&self, pair: &Pair, owner: UserId) -> Result<bool, PortError>;

    /// Whom `owner` blocks, newest first.
    ///
    /// # Errors
    /// Below the port.
    async fn list(&self, owner: UserId, page: &BlockPageRequest) -> Result<BlockPage, PortError>;
}
