use std::time::Duration;

use async_trait::async_trait;

use super::Chore;
use crate::error::RepositoryError;

/// What one batch of a chore has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Swept {
    /// How many rows were changed or removed.
    pub rows: usize,
    /// Whether there may be more for this call's like.
    pub more: bool,
}

/// Does housekeeping.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
#[async_trait]
pub trait HousekeepingRepository: Send + Sync {
    /// Does one batch of a chore, of bounded size, on what came to its end longer than `before` ago by the database's clock:
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
    async fn sweep(&self, chore: Chore, before: Duration) -> Result<Swept, RepositoryError>;
}
