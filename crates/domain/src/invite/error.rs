//! Refusals of commands on invites.

use crate::error::{PortError, domain_error};

/// Why a command on invites fails.
#[derive(Debug, thiserror::Error)]
pub enum InviteError {
    /// There is no invite with this id.
    #[error("there is no such invite")]
    Unknown,
    /// A port failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

domain_error!(InviteError {
    Unknown => Invalid, "invite_unknown";
});
