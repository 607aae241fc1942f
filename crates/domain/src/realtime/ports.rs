//! Reading changes, and waiting for them.

use async_trait::async_trait;

use super::{ChangedParts, ReadPoint, SyncPage, SyncRequest};
use crate::error::PortError;
use crate::id::{ConversationId, UserId};

/// Reads what has changed for an account.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
#[async_trait]
pub trait ChangeReader: Send + Sync {
    /// What has changed for `user` since a place, from one snapshot.
    ///
    /// MUST contain every change that the place does not cover, whenever its transaction began and ended. MUST begin with everything
    /// and set `reset` if the database has lost something that was read at the place. MUST NOT contain anything because one of two
    /// users blocks the other, except for the one who blocks.
    ///
    /// # Errors
    /// Any `PortError` from the adapter.
    async fn read(&self, user: UserId, request: &SyncRequest) -> Result<SyncPage, PortError>;

    /// Which parts of these conversations of `user` have changed since a point of the present lineage, in the same order. MUST report
    /// every change that a page since that point contains.
    ///
    /// # Errors
    /// Any `PortError` from the adapter.
    async fn parts(
        &self,
        user: UserId,
        since: &ReadPoint,
        conversations: &[ConversationId],
    ) -> Result<Vec<ChangedParts>, PortError>;
}

/// Tells that something may have changed.
pub trait ChangeSignals: Send + Sync {
    /// Listens for changes that concern `account`. A change that is committed after this call MUST end a wait of the listener, if
    /// late; a wait may also end for nothing.
    fn listen(&self, account: UserId) -> Box<dyn ChangeListener>;

    /// As [`Self::listen`], but a message that a [`MessageAudience`](super::MessageAudience) was shown ends no wait.
    fn follow(&self, account: UserId) -> Box<dyn ChangeListener>;
}

/// Waits for the next change.
#[async_trait]
pub trait ChangeListener: Send {
    /// Ends when something may have changed since the listener was made or last woken.
    async fn changed(&mut self);

    /// A point up to which all changes of the account have ended a wait, or were handed to the
    /// [`MessageAudience`](super::MessageAudience) before this call. `None` if none is known, or if a wait would end at once.
    fn covered(&self) -> Option<ReadPoint>;
}
