//! Conversations: the state a pair of users shares, and each member's view of it.

mod error;
mod model;
mod pair;
mod ports;
mod service;
#[cfg(test)]
mod tests;

pub use error::ConversationError;
pub use model::{
    ConversationSummary, ConversationWindow, Preferences, ReadPosition, WindowAnchor, WindowRequest,
    peer_messages_up_to,
};
pub use pair::{Directed, Pair, PairState, Side};
#[cfg(any(test, feature = "test-support"))]
pub use ports::MockConversationRepository;
pub use ports::{ConversationCursor, ConversationPage, ConversationPageRequest, ConversationRepository};
pub use service::ConversationService;
