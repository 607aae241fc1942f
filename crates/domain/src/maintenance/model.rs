//! Maintenance tasks, and the retention period of each.

use std::time::Duration;

use crate::account::Uid;
use crate::auth::TokenLifetimes;
use crate::known_device::KNOWN_FOR;

/// A maintenance task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaintenanceTask {
    /// Marks pending friendship requests past their lifetime as expired. Clients see no difference: such a request is reported
    /// as expired, and cannot be answered, from that time on.
    ExpireRequests,
    /// Deletes requests that were answered, withdrawn or expired long ago.
    PurgeRequests,
    /// Deletes ended sessions. Their tokens stay invalid, because a missing session counts as ended.
    PurgeEndedSessions,
    /// Deletes sessions that were never ended but have exceeded the maximum lifetime.
    PurgeOldSessions,
    /// Deletes the records of old failed login attempts.
    PurgeThrottles,
    /// Deletes the counts of quotas that are whole again.
    PurgeQuotas,
    /// Deletes the devices from which no login has come for so long that they are not known any more.
    PurgeKnownDevices,
    /// Deletes the reservations of uids for owners who gave them up long ago.
    PurgeRetiredUids,
}

impl MaintenanceTask {
    /// All tasks, in the order in which they run.
    pub const ALL: [Self; 8] = [
        Self::ExpireRequests,
        Self::PurgeRequests,
        Self::PurgeEndedSessions,
        Self::PurgeOldSessions,
        Self::PurgeThrottles,
        Self::PurgeQuotas,
        Self::PurgeKnownDevices,
        Self::PurgeRetiredUids,
    ];
}

/// The retention periods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    lifetimes: TokenLifetimes,
}

impl Retention {
    /// Time for which answered requests stay in the lists.
    const ANSWERED: Duration = Duration::from_hours(2160);
    /// Time for which ended sessions stay available for inspection.
    const INSPECTION: Duration = Duration::from_hours(168);
    /// Twice the day for which consecutive failures count.
    const FAILURES: Duration = Duration::from_hours(48);

    /// The retention periods that sessions with these lifetimes require.
    #[must_use]
    pub const fn of(lifetimes: TokenLifetimes) -> Self {
        Self { lifetimes }
    }

    /// The minimum age of a row, since its end, for `task` to process it.
    ///
    /// An access token can outlive its session by the token's full lifetime. The ended session must be known for that long.
    #[must_use]
    pub const fn age(&self, task: MaintenanceTask) -> Duration {
        let needed = self.lifetimes.access.saturating_add(Self::INSPECTION);
        match task {
            MaintenanceTask::ExpireRequests | MaintenanceTask::PurgeQuotas => Duration::ZERO,
            MaintenanceTask::PurgeRequests => Self::ANSWERED,
            MaintenanceTask::PurgeEndedSessions => needed,
            MaintenanceTask::PurgeOldSessions => self.lifetimes.session_max.saturating_add(needed),
            MaintenanceTask::PurgeThrottles => Self::FAILURES,
            MaintenanceTask::PurgeKnownDevices => KNOWN_FOR,
            MaintenanceTask::PurgeRetiredUids => Uid::RETIREMENT,
        }
    }
}
