//! Refusals of operator commands.

use crate::error::{PortError, domain_error};

/// The errors of the operator commands.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// No account has this uid, or the account is erased.
    #[error("the user does not exist")]
    UnknownUser,
    /// A port failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

domain_error!(AdminError {
    UnknownUser => Invalid, "unknown_user";
});
