use std::sync::Arc;

use super::{ExportError, ExportReader, ExportRepository};
use crate::id::UserId;

/// The use-case of exporting one's account.
pub struct ExportService {
    exports: Arc<dyn ExportRepository>,
}

impl ExportService {
    /// Wires the use-case.
    #[must_use]
    pub fn new(exports: Arc<dyn ExportRepository>) -> Self {
        Self { exports }
    }

    /// Begins to read everything that is held about the caller.
    ///
    /// # Errors
    /// [`ExportError::AccountGone`].
    pub async fn open(&self, caller: UserId) -> Result<Box<dyn ExportReader>, ExportError> {
        self.exports.open(caller).await?.ok_or(ExportError::AccountGone)
    }
}
