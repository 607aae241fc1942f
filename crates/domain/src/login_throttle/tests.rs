//! The login throttle: keys, counting and delays.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::account::{LoginIdentifier, PhoneNumber, Uid};
use crate::id::SessionId;
use crate::known_device::{KnownDevice, LoginOrigin};
use crate::login_throttle::{
    AttemptResult, ClientAddress, EnteredIdentifier, FailureRecord, ThrottleKey, count_attempt, release,
};
use crate::testing::{at, user};

const SESSION: SessionId = SessionId::from_uuid(uuid::Uuid::from_u128(66));

fn address(text: &str) -> Option<ClientAddress> {
    ClientAddress::new(text.parse().unwrap())
}

fn by_address() -> ThrottleKey {
    ThrottleKey::Address(address("192.0.2.7").unwrap())
}

fn by_known_device() -> ThrottleKey {
    let origin = LoginOrigin::Address(address("192.0.2.7").unwrap());
    ThrottleKey::Known(KnownDevice { user_id: user(1), origin })
}

fn consecutive_keys() -> [ThrottleKey; 4] {
    let uid = EnteredIdentifier::Uid("goose_1".to_owned());
    let phone = EnteredIdentifier::PhoneNumber("13800138000".to_owned());
    [ThrottleKey::of(&uid), ThrottleKey::of(&phone), ThrottleKey::Session(SESSION), by_known_device()]
}

/// Fails repeatedly, each time as soon as an attempt is admitted. Returns the record, the delays before each attempt
/// and the time of the last one.
fn fail(key: &ThrottleKey, times: usize) -> (FailureRecord, Vec<u64>, DateTime<Utc>) {
    let (mut kept, mut now, mut waits) = (None, at(0), Vec::new());
    while waits.len() < times {
        let before = now;
        if let Err(wait) = count_attempt(key, kept.as_ref(), now) {
            now += TimeDelta::from_std(wait).unwrap();
        }
        kept = Some(count_attempt(key, kept.as_ref(), now).unwrap());
        waits.push((now - before).num_seconds().unsigned_abs());
    }
    (kept.unwrap(), waits, now)
}

#[test]
fn five_failures_are_free_then_the_delay_doubles_up_to_15_minutes() {
    for key in consecutive_keys() {
        let (kept, waits, _) = fail(&key, 16);
        assert_eq!(waits, [0, 0, 0, 0, 0, 5, 10, 20, 40, 80, 160, 320, 640, 900, 900, 900], "{key:?}");
        assert_eq!(kept.count, 16);
    }
    let (_, waits, _) = fail(&consecutive_keys()[0], 200);
    assert_eq!(waits.iter().max(), Some(&900), "an account is never locked");
}

#[test]
fn a_refused_attempt_learns_the_exact_delay_and_is_not_counted() {
    let key = &consecutive_keys()[0];
    let (kept, ..) = fail(key, 5);
    for (millis, left) in [(0, 5000), (1, 4999), (4999, 1)] {
        let refused = count_attempt(key, Some(&kept), at(0) + TimeDelta::milliseconds(millis));
        assert_eq!(refused, Err(Duration::from_millis(left)));
    }
    assert_eq!(count_attempt(key, Some(&kept), at(5)).unwrap().count, 6);
}

#[test]
fn failures_expire_a_day_after_the_last() {
    for key in consecutive_keys() {
        let (kept, _, last) = fail(&key, 9);
        let day = last + TimeDelta::days(1);
        assert_eq!(count_attempt(&key, Some(&kept), day - TimeDelta::seconds(1)).unwrap().count, 10);
        assert_eq!(count_attempt(&key, Some(&kept), day).unwrap().count, 1);
    }
}

#[test]
fn a_success_resets_consecutive_failures() {
    for key in consecutive_keys() {
        for times in [1, 5, 9] {
            let (kept, _, last) = fail(&key, times);
            assert_eq!(release(&key, &kept, AttemptResult::Correct, last), None);
        }
    }
}

#[test]
fn an_unverified_attempt_makes_room_for_another() {
    let key = &consecutive_keys()[0];
    let (kept, _, last) = fail(key, 6);
    let back = release(key, &kept, AttemptResult::Unverified, last).unwrap();
    assert_eq!(count_attempt(key, Some(&back), last), Ok(kept));
    let (first, _, last) = fail(key, 1);
    assert_eq!(release(key, &first, AttemptResult::Unverified, last), None);
}

#[test]
fn an_address_has_a_burst_of_sixty_failures_then_one_per_ten_seconds() {
    let (_, waits, _) = fail(&by_address(), 65);
    assert_eq!(waits[..60], [0; 60]);
    assert_eq!(waits[60..], [10, 10, 10, 10, 10]);
}

#[test]
fn failures_of_an_address_leak_one_by_one() {
    let key = by_address();
    let (full, _, now) = fail(&key, 60);
    // After twenty-five seconds there is room for two.
    let later = now + TimeDelta::seconds(25);
    let one = count_attempt(&key, Some(&full), later).unwrap();
    let two = count_attempt(&key, Some(&one), later).unwrap();
    assert_eq!(count_attempt(&key, Some(&two), later), Err(Duration::from_secs(5)));
    // After ten minutes the record has expired.
    assert_eq!(count_attempt(&key, Some(&full), now + TimeDelta::minutes(10)).unwrap().count, 1);
}

#[test]
fn a_success_releases_only_its_own_attempt_of_an_address() {
    let key = by_address();
    for result in [AttemptResult::Correct, AttemptResult::Unverified] {
        let (full, _, now) = fail(&key, 60);
        let back = release(&key, &full, result, now).unwrap();
        assert_eq!(count_attempt(&key, Some(&back), now), Ok(full));
        assert_eq!(release(&key, &full, result, now + TimeDelta::minutes(10)), None);
        let (first, ..) = fail(&key, 1);
        assert_eq!(release(&key, &first, result, now), None);
        let one_left = |now| release(&key, &FailureRecord { count: 2, ..full }, result, now);
        let forgiven_at = one_left(now).unwrap().forgiven_at;
        assert!(one_left(forgiven_at - TimeDelta::microseconds(1)).is_some());
        assert_eq!(one_left(forgiven_at), None, "a record ends when all of it is forgiven");
    }
}

#[test]
fn a_malformed_identifier_parses_to_none() {
    let typed = |text: &str| EnteredIdentifier::Uid(text.to_owned()).parse();
    assert_eq!(typed("Goose_1"), Some(LoginIdentifier::Uid(Uid::parse("Goose_1").unwrap())));
    for text in ["", "goose 1", "13800138000", "goose_1\0"] {
        assert_eq!(typed(text), None);
    }
    let typed = |text: &str| EnteredIdentifier::PhoneNumber(text.to_owned()).parse();
    let number = PhoneNumber::parse("13800138000").unwrap();
    assert_eq!(typed("13800138000"), Some(LoginIdentifier::PhoneNumber(number)));
    assert_eq!(typed("Goose_1"), None);
}

#[test]
fn uid_keys_ignore_case_and_differ_from_phone_number_keys() {
    let uid = |text: &str| ThrottleKey::of(&EnteredIdentifier::Uid(text.to_owned()));
    let phone = |text: &str| ThrottleKey::of(&EnteredIdentifier::PhoneNumber(text.to_owned()));
    assert!(uid("GOOSE_1 É") == uid("goose_1 É") && uid("goose_1") != uid("goose_2"));
    assert!(uid("13800138000") != phone("13800138000"));
}

#[test]
fn an_address_is_an_ipv4_address_or_an_ipv6_64_prefix() {
    let same = |one, other| assert_eq!(address(one), address(other), "{one} {other}");
    let differ = |one, other| assert_ne!(address(one), address(other), "{one} {other}");
    same("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff");
    differ("2001:db8:1:2::1", "2001:db8:1:3::1");
    differ("192.0.2.1", "192.0.2.2");
    same("::ffff:192.0.2.1", "192.0.2.1");
    assert_eq!(address("2001:db8:1:2::1").unwrap().get().to_string(), "2001:db8:1:2::");
    for local in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::"] {
        assert_eq!(address(local), None, "{local}");
    }
}

#[test]
fn typed_identifiers_do_not_reach_the_log() {
    let uid = EnteredIdentifier::Uid("goose_1".to_owned());
    let phone = EnteredIdentifier::PhoneNumber("13800138000".to_owned());
    for shown in [format!("{uid:?}"), format!("{phone:?}"), format!("{:?}", ThrottleKey::of(&uid))] {
        assert_eq!(shown, "EnteredIdentifier(…)");
    }
    assert_eq!(format!("{:?}", by_address()), "Address(192.0.2.7)");
    assert_eq!(format!("{:?}", ThrottleKey::Session(SESSION)), format!("Session({SESSION})"));
    assert_eq!(format!("{:?}", by_known_device()), format!("KnownDevice({}, Address(192.0.2.7))", user(1)));
}
