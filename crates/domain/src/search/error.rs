//! Refusals of a search.

use crate::error::{PortError, domain_error};

/// Why a search is refused.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The requested conversation does not exist or the caller is not a member.
    #[error("there is no such conversation")]
    UnknownConversation,
    /// Any [`PortError`] from the adapter.
    #[error(transparent)]
    Port(#[from] PortError),
}

domain_error!(SearchError {
    UnknownConversation => Invalid, "unknown_conversation";
});
