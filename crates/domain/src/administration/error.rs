use crate::error::{RepositoryError, domain_error};

/// Why something that an operator wants is refused.
#[derive(Debug, thiserror::Error)]
pub enum AdministrationError {
    /// Nobody has this uid, or the account is erased.
    #[error("there is no such user")]
    UnknownUser,
    /// Below the port.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}

domain_error!(AdministrationError {
    UnknownUser => Invalid, "unknown_user";
});
