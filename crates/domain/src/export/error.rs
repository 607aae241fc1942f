//! Refusals of an export.

use crate::error::{PortError, domain_error};

/// The errors of the export.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The caller's account was erased or disabled.
    #[error("the caller's account is not active")]
    AccountGone,
    /// A port failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

domain_error!(ExportError {
    AccountGone => Unauthenticated, "session_ended";
});
