//! Refusals of blocking.

use crate::error::{PortError, domain_error};

/// Why a use case on blocks fails.
#[derive(Debug, thiserror::Error)]
pub enum BlockError {
    /// The blocked user is the caller.
    #[error("a user cannot block itself")]
    SelfTarget,
    /// The account does not exist or is erased.
    #[error("the user does not exist")]
    UnknownUser,
    /// The adapter failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

domain_error!(BlockError {
    SelfTarget => Invalid, "cannot_block_oneself";
    UnknownUser => Invalid, "unknown_user";
});
