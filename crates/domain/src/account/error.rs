use crate::error::{PortError, domain_error};

/// Refusals of disabling and enabling an account.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The account does not exist or is erased.
    #[error("there is no such user")]
    UnknownUser,
    /// A port failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

domain_error!(AccountError {
    UnknownUser => Invalid, "unknown_user";
});
