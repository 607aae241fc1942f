use crate::error::{PortError, domain_error};

/// Why a use-case on conversations refuses.
#[derive(Debug, thiserror::Error)]
pub enum ConversationError {
    /// For this caller there is no such conversation.
    #[error("there is no such conversation")]
    UnknownConversation,
    /// Below the port.
    #[error(transparent)]
    Port(#[from] PortError),
}

domain_error!(ConversationError {
    UnknownConversation => Invalid, "unknown_conversation";
});
