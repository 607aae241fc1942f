//! Adapters of everything between two users. Every change locks the row of their pair first (`pair.rs`).

pub(super) mod block;
pub(super) mod conversation;
pub(super) mod deletions;
pub(super) mod friendship;
pub(super) mod friendship_request;
pub(super) mod message;
pub(super) mod pair;
pub(super) mod typing;

pub use block::PgBlockRepository;
pub use conversation::PgConversationRepository;
pub use friendship::PgFriendshipRepository;
pub use friendship_request::PgFriendshipRequestRepository;
pub(crate) use message::stored_messages;
pub use message::{PgMessageRepository, SendQueueSettings};
pub use typing::PgTypingRelations;
