use std::sync::Arc;
use std::time::Duration;

use mockall::predicate::eq;
use pollster::block_on;

use super::{MaintenanceService, MaintenanceTask, MockMaintenanceRepository, Retention, SweepResult};
use crate::auth::TokenLifetimes;
use crate::testing::{assert_fault, fault};

const LIFETIMES: TokenLifetimes = TokenLifetimes {
    access: Duration::from_secs(600),
    refresh: Duration::from_secs(604_800),
    session_max: Duration::from_secs(7_776_000),
    reuse_grace: Duration::from_secs(10),
};

#[test]
fn a_session_is_kept_until_its_last_access_token_has_expired() {
    let retention = Retention::of(LIFETIMES);
    assert_eq!(retention.age(MaintenanceTask::PurgeEndedSessions), Duration::from_secs(600 + 604_800));
    assert_eq!(
        retention.age(MaintenanceTask::PurgeOldSessions),
        Duration::from_secs(7_776_000 + 600 + 604_800)
    );
    let unlimited = TokenLifetimes { access: Duration::MAX, session_max: Duration::MAX, ..LIFETIMES };
    assert_eq!(Retention::of(unlimited).age(MaintenanceTask::PurgeOldSessions), Duration::MAX);
}

#[test]
fn requests_expire_at_once_and_failed_logins_are_kept_for_a_day() {
    let retention = Retention::of(LIFETIMES);
    assert_eq!(retention.age(MaintenanceTask::ExpireRequests), Duration::ZERO);
    assert!(retention.age(MaintenanceTask::PurgeThrottles) >= Duration::from_secs(86_400));
    assert_eq!(retention.age(MaintenanceTask::PurgeKnownDevices), crate::known_device::KNOWN_FOR);
}

#[test]
fn each_task_runs_with_its_own_retention_period() {
    let retention = Retention::of(LIFETIMES);
    let mut repository = MockMaintenanceRepository::new();
    for task in MaintenanceTask::ALL {
        repository
            .expect_sweep()
            .with(eq(task), eq(retention.age(task)))
            .once()
            .returning(|_, _| Ok(SweepResult { rows: 3, more: true }));
    }
    let service = MaintenanceService::new(Arc::new(repository), retention);
    for task in MaintenanceTask::ALL {
        assert_eq!(block_on(service.sweep(task)).unwrap(), SweepResult { rows: 3, more: true });
    }
}

#[test]
fn a_port_error_is_passed_on() {
    let mut repository = MockMaintenanceRepository::new();
    repository.expect_sweep().returning(|_, _| Err(fault()));
    let service = MaintenanceService::new(Arc::new(repository), Retention::of(LIFETIMES));
    assert_fault(block_on(service.sweep(MaintenanceTask::PurgeThrottles)));
}
