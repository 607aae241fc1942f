//! The use-case of maintenance: one bounded sweep of one task.

use std::sync::Arc;

use super::{MaintenanceRepository, MaintenanceTask, Retention, SweepResult};
use crate::error::PortError;

/// The use-case of maintenance.
pub struct MaintenanceService {
    repository: Arc<dyn MaintenanceRepository>,
    retention: Retention,
}

impl MaintenanceService {
    /// Uses the given port and retention periods.
    #[must_use]
    pub fn new(repository: Arc<dyn MaintenanceRepository>, retention: Retention) -> Self {
        Self { repository, retention }
    }

    /// Runs one batch of a task.
    ///
    /// # Errors
    /// Any port error.
    pub async fn sweep(&self, task: MaintenanceTask) -> Result<SweepResult, PortError> {
        self.repository.sweep(task, self.retention.age(task)).await
    }
}
