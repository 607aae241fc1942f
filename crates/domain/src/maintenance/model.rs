use std::time::Duration;

use crate::auth::TokenLifetimes;

/// One kind of maintenance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaintenanceTask {
    /// Friendship requests that wait for an answer beyond their time are noted as expired. To callers nothing changes: they
    /// are shown as expired and cannot be answered from that time on.
    ExpireRequests,
    /// Sessions that were ended are forgotten. Their tokens stay worthless: a session that is not there is over.
    ForgetEndedSessions,
    /// Sessions that nobody ended and that are beyond any life are forgotten.
    ForgetOldSessions,
    /// Wrong passwords of long ago are forgotten.
    ForgetThrottles,
}

impl MaintenanceTask {
    /// All of them, in the order in which they are done.
    pub const ALL: [Self; 4] =
        [Self::ExpireRequests, Self::ForgetEndedSessions, Self::ForgetOldSessions, Self::ForgetThrottles];
}

/// How long what is over is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    lifetimes: TokenLifetimes,
}

impl Retention {
    /// How long sessions that are over can still be looked into.
    const RETENTION: Duration = Duration::from_secs(7 * 86_400);
    /// Failures in a row count for a day.
    const FAILURES: Duration = Duration::from_secs(2 * 86_400);

    /// What the rules need of sessions with such lifetimes.
    #[must_use]
    pub const fn of(lifetimes: TokenLifetimes) -> Self {
        Self { lifetimes }
    }

    /// How long ago something must have come to its end before the task takes it. An access token may outlive the end of
    /// its session by its whole life, and has to be known for one of an ended session as long.
    #[must_use]
    pub const fn before(&self, task: MaintenanceTask) -> Duration {
        let needed = self.lifetimes.access.saturating_add(Self::RETENTION);
        match task {
            MaintenanceTask::ExpireRequests => Duration::ZERO,
            MaintenanceTask::ForgetEndedSessions => needed,
            MaintenanceTask::ForgetOldSessions => self.lifetimes.session_max.saturating_add(needed),
            MaintenanceTask::ForgetThrottles => Self::FAILURES,
        }
    }
}
