//! Snapshot reads of an export.

use async_trait::async_trait;

use super::ExportPart;
use crate::error::PortError;
use crate::id::UserId;

/// Opens exports.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
#[async_trait]
pub trait ExportRepository: Send + Sync {
    /// Starts an export of an account; `None` if the account is not active.
    ///
    /// All parts MUST come from one consistent snapshot. An export MUST NOT take a connection from other work, MUST wait a while
    /// for its turn and then be refused as unavailable while too many exports are running, and MUST end by itself after a time
    /// limit, even if its reader stalls.
    ///
    /// # Errors
    /// Any [`PortError`] from the adapter.
    async fn open(&self, user: UserId) -> Result<Option<Box<dyn ExportReader>>, PortError>;
}

/// A running export. Dropping it ends it.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
#[async_trait]
pub trait ExportReader: Send {
    /// The next part; `None` after the last one. MUST NOT read ahead of that part.
    ///
    /// # Errors
    /// Any [`PortError`] from the adapter; the export has then ended incomplete.
    async fn next(&mut self) -> Result<Option<ExportPart>, PortError>;
}
