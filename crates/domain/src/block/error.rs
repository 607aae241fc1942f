use crate::error::{PortError, domain_error};

/// Why a use-case on blocks refuses.
#[derive(Debug, thiserror::Error)]
pub enum BlockError {
    /// One cannot block oneself.
    #[error("one cannot block oneself")]
    SelfTarget,
    /// The account is not there or was erased.
    #[error("there is no such user")]
    UnknownUser,
    /// Below the port.
    #[error(transparent)]
    Port(#[from] PortError),
}

domain_error!(BlockError {
    SelfTarget => Invalid, "cannot_block_oneself";
    UnknownUser => Invalid, "unknown_user";
});
