use std::time::Duration;

use async_trait::async_trait;

use super::MaintenanceTask;
use crate::error::PortError;

/// What one batch of a task has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SweepResult {
    /// How many rows were changed or removed.
    pub rows: usize,
    /// Whether there may be more for this call's like.
    pub more: bool,
}

/// Does maintenance.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
#[async_trait]
pub trait MaintenanceRepository: Send + Sync {
    /// Does one batch of a task, of bounded size, on what came to its end longer than `before` ago by the database's clock:
    ///
    /// - requests: their time is over;
    /// - ended sessions: they were ended;
    /// - old sessions: they were opened;
    /// - wrong passwords: the last one was typed. MUST leave alone what still holds guesses up.
    ///
    /// MUST skip what somebody else holds, so that several instances can do it at once and nobody waits.
    ///
    /// # Errors
    /// Below the port.
    async fn sweep(&self, task: MaintenanceTask, before: Duration) -> Result<SweepResult, PortError>;
}
