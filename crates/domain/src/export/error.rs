use crate::error::{PortError, domain_error};

/// Why nothing is exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The caller's account is no more; its tokens are worth nothing.
    #[error("the caller's account is no more")]
    AccountGone,
    /// Below the port.
    #[error(transparent)]
    Port(#[from] PortError),
}

domain_error!(ExportError {
    AccountGone => Unauthenticated, "session_ended";
});
