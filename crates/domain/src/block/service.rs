use std::sync::Arc;

use super::{BlockError, BlockPage, BlockPageRequest, BlockRepository};
use crate::conversation::Pair;
use crate::id::UserId;

/// The use-cases on blocks.
pub struct BlockService {
    blocks: Arc<dyn BlockRepository>,
}

impl BlockService {
    /// Wires the use-cases.
    #[must_use]
    pub fn new(blocks: Arc<dyn BlockRepository>) -> Self {
        Self { blocks }
    }

    /// Refuses requests and messages of `other` from now on; a friendship stays.
    ///
    /// # Errors
    /// [`BlockError::SelfTarget`], [`BlockError::UnknownUser`].
    pub async fn block(&self, caller: UserId, other: UserId) -> Result<(), BlockError> {
        let pair = Pair::new(caller, other).ok_or(BlockError::SelfTarget)?;
        if self.blocks.block(&pair, caller).await? { Ok(()) } else { Err(BlockError::UnknownUser) }
    }

    /// Lifts a block.
    ///
    /// # Errors
    /// As [`Self::block`].
    pub async fn unblock(&self, caller: UserId, other: UserId) -> Result<(), BlockError> {
        let pair = Pair::new(caller, other).ok_or(BlockError::SelfTarget)?;
        if self.blocks.unblock(&pair, caller).await? { Ok(()) } else { Err(BlockError::UnknownUser) }
    }

    /// Whom the caller blocks, newest first.
    ///
    /// # Errors
    /// Below the port.
    pub async fn list(&self, caller: UserId, page: &BlockPageRequest) -> Result<BlockPage, BlockError> {
        Ok(self.blocks.list(caller, page).await?)
    }
}
