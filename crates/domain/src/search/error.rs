use crate::error::{PortError, domain_error};

/// Why a search is refused.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// For this caller there is no such conversation.
    #[error("there is no such conversation")]
    UnknownConversation,
    /// Below the port.
    #[error(transparent)]
    Port(#[from] PortError),
}

domain_error!(SearchError {
    UnknownConversation => Invalid, "unknown_conversation";
});
