mod lifecycle;
mod password;
mod profile;
mod registration;
mod values;

use std::time::Duration;

use chrono::TimeDelta;

use crate::account::{ProfileError, RegistrationError, Uid, UidChange, UidChangeRefusal, decide_uid_change};
use crate::error::{ErrorKind, PortError};
use crate::testing::{assert_catalogue, at};

const DAY: Duration = Duration::from_secs(86_400);

fn uid(text: &str) -> Uid {
    Uid::parse(text).unwrap()
}

#[test]
fn every_refusal_of_registration_has_its_class_and_its_name() {
    assert_catalogue([
        (RegistrationError::UidTaken, ErrorKind::Invalid, "uid_taken"),
        (RegistrationError::PhoneNumberTaken, ErrorKind::Invalid, "phone_number_taken"),
        (RegistrationError::Closed, ErrorKind::Conflict, "registration_closed"),
        (RegistrationError::InviteUnknown, ErrorKind::Invalid, "invite_unknown"),
        (
            RegistrationError::QuotaUsedUp(DAY),
            ErrorKind::Throttled { retry_after: DAY },
            "registration_quota_used_up",
        ),
        (PortError::internal("broken").into(), ErrorKind::Internal, "internal_error"),
    ]);
}

#[test]
fn every_refusal_has_its_class_and_its_name() {
    assert_catalogue([
        (ProfileError::UnknownUser, ErrorKind::Invalid, "unknown_user"),
        (ProfileError::AccountGone, ErrorKind::Unauthenticated, "session_ended"),
        (ProfileError::UidTaken, ErrorKind::Invalid, "uid_taken"),
        (ProfileError::UidUnchanged, ErrorKind::Invalid, "uid_unchanged"),
        (ProfileError::UidChangedTooRecently, ErrorKind::Invalid, "uid_changed_too_recently"),
        (
            ProfileError::UidChangesUsedUp(DAY),
            ErrorKind::Throttled { retry_after: DAY },
            "uid_change_quota_used_up",
        ),
        (ProfileError::LookupsUsedUp(DAY), ErrorKind::Throttled { retry_after: DAY }, "lookup_quota_used_up"),
        (PortError::internal("broken").into(), ErrorKind::Internal, "internal_error"),
    ]);
}

#[test]
fn an_identical_uid_is_never_a_change() {
    let present = uid("Goose_1");
    for changed_at in [None, Some(at(0))] {
        let now = at(1_000_000);
        let change = UidChange { current: &present, wanted: &present, changed_at, now, interval: DAY };
        assert_eq!(decide_uid_change(&change), Err(UidChangeRefusal::Unchanged));
    }
}

#[test]
fn a_reserved_uid_is_refused_unless_it_is_the_present_one() {
    let decide = |current: &str, wanted: &str| {
        let (current, wanted) = (uid(current), uid(wanted));
        let change =
            UidChange { current: &current, wanted: &wanted, changed_at: None, now: at(0), interval: DAY };
        decide_uid_change(&change)
    };
    assert_eq!(decide("goose_1", "Admin_1"), Err(UidChangeRefusal::Reserved));
    assert_eq!(decide("admin_1", "system_1"), Err(UidChangeRefusal::Reserved));
    assert_eq!(decide("admin_1", "ADMIN_1"), Ok(()));
    assert_eq!(decide("admin_1", "goose_1"), Ok(()));
}

#[test]
fn another_uid_or_another_case_is_a_change() {
    let present = uid("Goose_1");
    for wanted in [uid("goose_1"), uid("GOOSE_1"), uid("Swan_22")] {
        let change = UidChange {
            current: &present,
            wanted: &wanted,
            changed_at: None,
            now: at(0),
            interval: Duration::MAX,
        };
        assert_eq!(decide_uid_change(&change), Ok(()), "{wanted:?}");
    }
}

#[test]
fn a_uid_can_change_again_exactly_when_the_interval_ends() {
    let (current, wanted) = (uid("Goose_1"), uid("goose_1"));
    let decide = |now, interval| {
        let changed_at = Some(at(0));
        decide_uid_change(&UidChange { current: &current, wanted: &wanted, changed_at, now, interval })
    };
    let end = at(86_400);
    assert_eq!(decide(at(0), DAY), Err(UidChangeRefusal::TooRecent));
    assert_eq!(decide(end - TimeDelta::nanoseconds(1), DAY), Err(UidChangeRefusal::TooRecent));
    assert_eq!(decide(end, DAY), Ok(()));
    assert_eq!(decide(end + TimeDelta::nanoseconds(1), DAY), Ok(()));
}

#[test]
fn extreme_intervals_do_not_overflow() {
    let (current, wanted) = (uid("Goose_1"), uid("Swan_22"));
    let decide = |now, interval| {
        let changed_at = Some(at(0));
        decide_uid_change(&UidChange { current: &current, wanted: &wanted, changed_at, now, interval })
    };
    assert_eq!(decide(at(0), Duration::ZERO), Ok(()));
    assert_eq!(decide(at(1_000_000_000), Duration::MAX), Err(UidChangeRefusal::TooRecent));
}
