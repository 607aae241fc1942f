use std::sync::Arc;

use super::{Chore, HousekeepingRepository, Retention, Swept};
use crate::error::RepositoryError;

/// The work of housekeeping.
pub struct HousekeepingService {
    repository: Arc<dyn HousekeepingRepository>,
    retention: Retention,
}

impl HousekeepingService {
    /// Wires the work.
    #[must_use]
    pub fn new(repository: Arc<dyn HousekeepingRepository>, retention: Retention) -> Self {
        Self { repository, retention }
    }

    /// Does one batch of a chore.
    ///
    /// # Errors
    /// Below the port.
    pub async fn sweep(&self, chore: Chore) -> Result<Swept, RepositoryError> {
        self.repository.sweep(chore, self.retention.before(chore)).await
    }
}
