//! Catching up: what has changed for an account since a cursor, and the signals that something has.

mod model;
mod ports;
mod service;
mod stored;
#[cfg(test)]
mod stored_tests;
#[cfg(test)]
mod tests;
mod typing;

pub use model::{
    ChangedParts, ReadPoint, StaleList, SyncCursor, SyncFrom, SyncPage, SyncPlace, SyncPosition, SyncRequest,
    SyncedConversation,
};
#[cfg(any(test, feature = "test-support"))]
pub use ports::MockChangeReader;
pub use ports::{ChangeListener, ChangeReader, ChangeSignals};
pub use service::SyncService;
pub use stored::{HandOver, MessageAudience, MessageMark, NextStep, SentState, StoredMessage};
#[cfg(any(test, feature = "test-support"))]
pub use typing::MockTypingRelations;
pub use typing::{
    TypingAudience, TypingRelation, TypingRelations, TypingService, TypingSignals, decide_typing,
};
