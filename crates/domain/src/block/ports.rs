//! Storage of blocks, and the keyset cursor of their list.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::account::{DisplayName, Uid};
use crate::answer_size::AnswerItem;
use crate::conversation::Directed;
use crate::error::PortError;
use crate::id::UserId;
use crate::page::{Page, PageKey, PageRequest};

/// An entry of a block list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockedUser {
    /// The blocked account.
    pub user_id: UserId,
    /// Its uid (微信号); `None` once the account is erased.
    pub uid: Option<Uid>,
    /// Its current name.
    pub name: DisplayName,
    /// When it was blocked.
    pub created_at: DateTime<Utc>,
}

impl AnswerItem for BlockedUser {
    const OTHER_BYTES: usize = 200;

    fn visit_texts(&self, visit: &mut dyn FnMut(&str)) {
        self.name.visit_text(visit);
    }
}

/// The keyset cursor of a block list, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockCursor {
    /// When the last entry of the page was blocked.
    pub created_at: DateTime<Utc>,
    /// The tie-breaker among equal times.
    pub user_id: UserId,
}

impl PageKey for BlockCursor {
    const MAX_ROWS: i64 = 1000;
}

/// One page of a block list.
pub type BlockPage = Page<BlockedUser, BlockCursor>;
/// A request for one page of a block list.
pub type BlockPageRequest = PageRequest<BlockCursor>;

/// Stores blocks.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
#[async_trait]
pub trait BlockRepository: Send + Sync {
    /// Blocks the peer for the user. Idempotent. MUST lock the pair's row first, so that no message is
    /// accepted after the block is committed. Returns `false` if the other account does not exist or is erased.
    ///
    /// # Errors
    /// Any `PortError` from the adapter.
    async fn block(&self, owner: Directed) -> Result<bool, PortError>;

    /// Lifts a block. Idempotent. Returns `false` if the other account never existed.
    ///
    /// # Errors
    /// Any `PortError` from the adapter.
    async fn unblock(&self, owner: Directed) -> Result<bool, PortError>;

    /// The block list of `owner`, newest first.
    ///
    /// # Errors
    /// Any `PortError` from the adapter.
    async fn list(&self, owner: UserId, page: &BlockPageRequest) -> Result<BlockPage, PortError>;
}
