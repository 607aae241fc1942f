use crate::error::{PortError, domain_error};

/// Why a use-case on somebody else's account as a whole refuses.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// There is no such account, or it is erased.
    #[error("there is no such user")]
    UnknownUser,
    /// Below the port.
    #[error(transparent)]
    Port(#[from] PortError),
}

domain_error!(AccountError {
    UnknownUser => Invalid, "unknown_user";
});
