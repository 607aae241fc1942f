use crate::error::{RepositoryError, domain_error};

/// Why nothing is exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The caller's account is no more; its tokens are worth nothing.
    #[error("the caller's account is no more")]
    AccountOver,
    /// Below the port.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}

domain_error!(ExportError {
    AccountOver => Unauthenticated, "session_ended";
});
