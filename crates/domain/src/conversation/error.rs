//! Refusals of conversations.

use crate::error::{PortError, domain_error};

/// Why a use case on conversations fails.
#[derive(Debug, thiserror::Error)]
pub enum ConversationError {
    /// The conversation does not exist for this caller.
    #[error("the conversation does not exist")]
    UnknownConversation,
    /// The adapter failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

domain_error!(ConversationError {
    UnknownConversation => Invalid, "unknown_conversation";
});
