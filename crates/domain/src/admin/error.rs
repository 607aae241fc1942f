use crate::error::{PortError, domain_error};

/// Why something that an operator wants is refused.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// Nobody has this uid, or the account is erased.
    #[error("there is no such user")]
    UnknownUser,
    /// Below the port.
    #[error(transparent)]
    Port(#[from] PortError),
}

domain_error!(AdminError {
    UnknownUser => Invalid, "unknown_user";
});
