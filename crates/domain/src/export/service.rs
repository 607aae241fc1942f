//! The use-case of an export: open a snapshot of the caller's data.

use std::sync::Arc;

use super::{ExportError, ExportReader, ExportRepository};
use crate::id::UserId;

/// The use-case of the data export.
pub struct ExportService {
    exports: Arc<dyn ExportRepository>,
}

impl ExportService {
    /// Uses the given port.
    #[must_use]
    pub fn new(exports: Arc<dyn ExportRepository>) -> Self {
        Self { exports }
    }

    /// Starts an export of the caller's data.
    ///
    /// # Errors
    /// [`ExportError::AccountGone`], or any port error.
    pub async fn open(&self, caller: UserId) -> Result<Box<dyn ExportReader>, ExportError> {
        self.exports.open(caller).await?.ok_or(ExportError::AccountGone)
    }
}
