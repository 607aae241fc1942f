use std::sync::Arc;

use super::{MaintenanceRepository, MaintenanceTask, Retention, SweepResult};
use crate::error::PortError;

/// The work of maintenance.
pub struct MaintenanceService {
    repository: Arc<dyn MaintenanceRepository>,
    retention: Retention,
}

impl MaintenanceService {
    /// Wires the work.
    #[must_use]
    pub fn new(repository: Arc<dyn MaintenanceRepository>, retention: Retention) -> Self {
        Self { repository, retention }
    }

    /// Does one batch of a task.
    ///
    /// # Errors
    /// Below the port.
    pub async fn sweep(&self, task: MaintenanceTask) -> Result<SweepResult, PortError> {
        self.repository.sweep(task, self.retention.before(task)).await
    }
}
