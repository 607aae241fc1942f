//! Storage of maintenance: bounded deletion of expired rows.

use std::time::Duration;

use async_trait::async_trait;

use super::MaintenanceTask;
use crate::error::PortError;

/// The result of one batch of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SweepResult {
    /// The number of rows changed or deleted.
    pub rows: usize,
    /// Whether another call may find more rows.
    pub more: bool,
}

/// Runs maintenance tasks.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
#[async_trait]
pub trait MaintenanceRepository: Send + Sync {
    /// Runs one batch of a task, of bounded size, on rows older than `age` by the database's clock. The age counts from:
    ///
    /// - requests to expire: the end of their lifetime;
    /// - requests to delete: their answer, withdrawal or expiry;
    /// - ended sessions: their end;
    /// - old sessions: their start;
    /// - retired uids: the change that gave them up;
    /// - quotas: the time at which they are whole again;
    /// - failed logins: the last failure. Records that still delay attempts MUST be left alone.
    ///
    /// Locked rows MUST be skipped, so that several instances can run at once without waiting for each other or for requests.
    ///
    /// # Errors
    /// Any [`PortError`] from the adapter.
    async fn sweep(&self, task: MaintenanceTask, age: Duration) -> Result<SweepResult, PortError>;
}
