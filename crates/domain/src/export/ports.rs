use async_trait::async_trait;

use super::ExportPart;
use crate::error::PortError;
use crate::id::UserId;

/// Reads exports.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
#[async_trait]
pub trait ExportRepository: Send + Sync {
    /// Begins an export of an account. None for one that is not active.
    ///
    /// All its parts MUST be as one moment shows them. It MUST take no connection away from other work, MUST be unavailable
    /// while too many are under way or one of the same account is, and MUST end by itself after a while, whatever the
    /// reader does.
    ///
    /// # Errors
    /// Below the port.
    async fn open(&self, user: UserId) -> Result<Option<Box<dyn ExportReader>>, PortError>;
}

/// An export under way. Dropping it ends it.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
#[async_trait]
pub trait ExportReader: Send {
    /// The next part; none at the end, when everything was read. MUST read no further ahead than that part.
    ///
    /// # Errors
    /// Below the port; then the export is over and not complete.
    async fn next(&mut self) -> Result<Option<ExportPart>, PortError>;
}
