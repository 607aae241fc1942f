//! The use-case of catching up.

use std::sync::Arc;

use super::{
    ChangeListener, ChangeReader, ChangeSignals, ChangedParts, ReadPoint, SyncCursor, SyncFrom, SyncPage,
    SyncPlace, SyncRequest,
};
use crate::error::PortError;
use crate::id::{ConversationId, UserId};
use crate::page::PageLimit;

/// Tells accounts what has changed.
pub struct SyncService {
    changes: Arc<dyn ChangeReader>,
    signals: Arc<dyn ChangeSignals>,
    read_receipts: bool,
}

impl SyncService {
    /// Creates the service.
    #[must_use]
    pub fn new(changes: Arc<dyn ChangeReader>, signals: Arc<dyn ChangeSignals>, read_receipts: bool) -> Self {
        Self { changes, signals, read_receipts }
    }

    /// A listener for changes that concern the caller. It is made before the first read, so that no change falls between the two.
    #[must_use]
    pub fn listen(&self, caller: UserId) -> Box<dyn ChangeListener> {
        self.signals.listen(caller)
    }

    /// As [`Self::listen`], for one who is shown the messages of the caller as they are stored.
    #[must_use]
    pub fn follow(&self, caller: UserId) -> Box<dyn ChangeListener> {
        self.signals.follow(caller)
    }

    /// Where the answer to a cursor of this version begins. A cursor of another account is of no use, and neither is one of a server
    /// that shows other read positions.
    #[must_use]
    pub fn from(&self, caller: UserId, cursor: &SyncCursor) -> SyncFrom {
        let is_of_use = cursor.user == caller && cursor.read_receipts == self.read_receipts;
        if is_of_use { SyncFrom::Place(cursor.place.clone()) } else { SyncFrom::Lost }
    }

    /// One page of what has changed for the caller.
    ///
    /// # Errors
    /// Any `PortError` from the adapter.
    pub async fn read(
        &self,
        caller: UserId,
        from: SyncFrom,
        limit: PageLimit,
    ) -> Result<SyncPage, PortError> {
        self.changes.read(caller, &SyncRequest { from, limit, read_receipts: self.read_receipts }).await
    }

    /// Which parts of the caller's conversations have changed since a point, in the same order.
    ///
    /// # Errors
    /// Any `PortError` from the adapter.
    pub async fn parts(
        &self,
        caller: UserId,
        since: &ReadPoint,
        conversations: &[ConversationId],
    ) -> Result<Vec<ChangedParts>, PortError> {
        if conversations.is_empty() {
            return Ok(Vec::new());
        }
        self.changes.parts(caller, since, conversations).await
    }

    /// The cursor of a page for the caller.
    #[must_use]
    pub const fn cursor(&self, caller: UserId, place: SyncPlace) -> SyncCursor {
        SyncCursor { user: caller, read_receipts: self.read_receipts, place }
    }
}
