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
fn a_session_is_kept_for_longer_than_any_access_token_of_it_can_be_shown() {
    let retention = Retention::of(LIFETIMES);
    assert_eq!(retention.before(MaintenanceTask::ForgetEndedSessions), Duration::from_secs(600 + 604_800));
    assert_eq!(
        retention.before(MaintenanceTask::ForgetOldSessions),
        Duration::from_secs(7_776_000 + 600 + 604_800)
    );
    let for_ever = TokenLifetimes { access: Duration::MAX, session_max: Duration::MAX, ..LIFETIMES };
    assert_eq!(Retention::of(for_ever).before(MaintenanceTask::ForgetOldSessions), Duration::MAX);
}

#[test]
fn requests_expire_without_delay_and_wrong_passwords_count_for_a_day_at_least() {
    let retention = Retention::of(LIFETIMES);
    assert_eq!(retention.before(MaintenanceTask::ExpireRequests), Duration::ZERO);
    assert!(retention.before(MaintenanceTask::ForgetThrottles) >= Duration::from_secs(86_400));
}

#[test]
fn every_chore_is_done_by_its_own_measure() {
    let retention = Retention::of(LIFETIMES);
    let mut repository = MockMaintenanceRepository::new();
    for task in MaintenanceTask::ALL {
        repository
            .expect_sweep()
            .with(eq(task), eq(retention.before(task)))
            .once()
            .returning(|_, _| Ok(SweepResult { rows: 3, more: true }));
    }
    let service = MaintenanceService::new(Arc::new(repository), retention);
    for task in MaintenanceTask::ALL {
        assert_eq!(block_on(service.sweep(task)).unwrap(), SweepResult { rows: 3, more: true });
    }
}

#[test]
fn a_fault_below_is_passed_on() {
    let mut repository = MockMaintenanceRepository::new();
    repository.expect_sweep().returning(|_, _| Err(fault()));
    let service = MaintenanceService::new(Arc::new(repository), Retention::of(LIFETIMES));
    assert_fault(block_on(service.sweep(MaintenanceTask::ForgetThrottles)));
}
