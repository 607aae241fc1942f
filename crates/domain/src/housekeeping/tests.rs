use std::sync::Arc;
use std::time::Duration;

use mockall::predicate::eq;
use pollster::block_on;

use super::{Chore, HousekeepingService, MockHousekeepingRepository, Retention, Swept};
use crate::session::TokenLifetimes;
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
    assert_eq!(retention.before(Chore::ForgetEndedSessions), Duration::from_secs(600 + 604_800));
    assert_eq!(retention.before(Chore::ForgetOldSessions), Duration::from_secs(7_776_000 + 600 + 604_800));
    let for_ever = TokenLifetimes { access: Duration::MAX, session_max: Duration::MAX, ..LIFETIMES };
    assert_eq!(Retention::of(for_ever).before(Chore::ForgetOldSessions), Duration::MAX);
}

#[test]
fn requests_expire_without_delay_and_wrong_passwords_count_for_a_day_at_least() {
    let retention = Retention::of(LIFETIMES);
    assert_eq!(retention.before(Chore::ExpireRequests), Duration::ZERO);
    assert!(retention.before(Chore::ForgetThrottles) >= Duration::from_secs(86_400));
}

#[test]
fn every_chore_is_done_by_its_own_measure() {
    let retention = Retention::of(LIFETIMES);
    let mut repository = MockHousekeepingRepository::new();
    for chore in Chore::ALL {
        repository
            .expect_sweep()
            .with(eq(chore), eq(retention.before(chore)))
            .once()
            .returning(|_, _| Ok(Swept { rows: 3, more: true }));
    }
    let service = HousekeepingService::new(Arc::new(repository), retention);
    for chore in Chore::ALL {
        assert_eq!(block_on(service.sweep(chore)).unwrap(), Swept { rows: 3, more: true });
    }
}

#[test]
fn a_fault_below_is_passed_on() {
    let mut repository = MockHousekeepingRepository::new();
    repository.expect_sweep().returning(|_, _| Err(fault()));
    let service = HousekeepingService::new(Arc::new(repository), Retention::of(LIFETIMES));
    assert_fault(block_on(service.sweep(Chore::ForgetThrottles)));
}
