//! Use-cases of blocks: list, block, unblock.

use std::sync::Arc;

use super::{BlockError, BlockPage, BlockPageRequest, BlockRepository};
use crate::conversation::Directed;
use crate::id::UserId;

/// The use cases on blocks.
pub struct BlockService {
    blocks: Arc<dyn BlockRepository>,
}

impl BlockService {
    /// Creates the service.
    #[must_use]
    pub fn new(blocks: Arc<dyn BlockRepository>) -> Self {
        Self { blocks }
    }

    /// Refuses requests and messages of `other` from now on. A friendship stays.
    ///
    /// # Errors
    /// [`BlockError::SelfTarget`], [`BlockError::UnknownUser`].
    pub async fn block(&self, caller: UserId, other: UserId) -> Result<(), BlockError> {
        let owner = Directed::new(caller, other).ok_or(BlockError::SelfTarget)?;
        if self.blocks.block(owner).await? { Ok(()) } else { Err(BlockError::UnknownUser) }
    }

    /// Lifts a block.
    ///
    /// # Errors
    /// As [`Self::block`].
    pub async fn unblock(&self, caller: UserId, other: UserId) -> Result<(), BlockError> {
        let owner = Directed::new(caller, other).ok_or(BlockError::SelfTarget)?;
        if self.blocks.unblock(owner).await? { Ok(()) } else { Err(BlockError::UnknownUser) }
    }

    /// The caller's block list, newest first.
    ///
    /// # Errors
    /// Any `PortError` from the adapter.
    pub async fn list(&self, caller: UserId, page: &BlockPageRequest) -> Result<BlockPage, BlockError> {
        Ok(self.blocks.list(caller, page).await?)
    }
}
