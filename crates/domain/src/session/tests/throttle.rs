//! The brake: what is counted by what, and how long to wait.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::session::{
    AttemptResult, ClientAddress, EnteredIdentifier, FailureRecord, ThrottleKey, count_guess, release,
};
use crate::testing::{at, user};
use crate::user::{LoginIdentifier, PhoneNumber, Uid};

fn address(text: &str) -> Option<ClientAddress> {
    ClientAddress::new(text.parse().unwrap())
}

fn by_address() -> ThrottleKey {
    ThrottleKey::Address(address("192.0.2.7").unwrap())
}

fn in_a_row() -> [ThrottleKey; 3] {
    let uid = EnteredIdentifier::Uid("goose_1".to_owned());
    let phone = EnteredIdentifier::PhoneNumber("13800138000".to_owned());
    [ThrottleKey::of(&uid), ThrottleKey::of(&phone), ThrottleKey::Account(user(1))]
}

/// Guesses wrongly, each time as soon as it is let in. Returns what is kept, and the waits before each guess.
fn guess(key: &ThrottleKey, times: usize) -> (FailureRecord, Vec<u64>, DateTime<Utc>) {
    let (mut kept, mut now, mut waits) = (None, at(0), Vec::new());
    while waits.len() < times {
        let before = now;
        if let Err(wait) = count_guess(key, kept.as_ref(), now) {
            now += TimeDelta::from_std(wait).unwrap();
        }
        kept = Some(count_guess(key, kept.as_ref(), now).unwrap());
        waits.push((now - before).num_seconds().unsigned_abs());
    }
    (kept.unwrap(), waits, now)
}

#[test]
fn five_failures_in_a_row_are_free_and_then_the_wait_doubles_up_to_a_quarter_of_an_hour() {
    for key in in_a_row() {
        let (kept, waits, _) = guess(&key, 16);
        assert_eq!(waits, [0, 0, 0, 0, 0, 5, 10, 20, 40, 80, 160, 320, 640, 900, 900, 900], "{key:?}");
        assert_eq!(kept.count, 16);
    }
    let (_, waits, _) = guess(&in_a_row()[0], 200);
    assert_eq!(waits.iter().max(), Some(&900), "nobody is locked out for ever");
}

#[test]
fn a_guess_that_is_refused_is_told_exactly_how_long_and_adds_nothing() {
    let key = &in_a_row()[0];
    let (kept, ..) = guess(key, 5);
    for (millis, left) in [(0, 5000), (1, 4999), (4999, 1)] {
        let refused = count_guess(key, Some(&kept), at(0) + TimeDelta::milliseconds(millis));
        assert_eq!(refused, Err(Duration::from_millis(left)));
    }
    assert_eq!(count_guess(key, Some(&kept), at(5)).unwrap().count, 6);
}

#[test]
fn failures_are_forgotten_a_day_after_the_last() {
    for key in in_a_row() {
        let (kept, _, last) = guess(&key, 9);
        let day = last + TimeDelta::days(1);
        assert_eq!(count_guess(&key, Some(&kept), day - TimeDelta::seconds(1)).unwrap().count, 10);
        assert_eq!(count_guess(&key, Some(&kept), day).unwrap().count, 1);
    }
}

#[test]
fn a_success_forgets_the_failures_in_a_row() {
    for key in in_a_row() {
        for times in [1, 5, 9] {
            let (kept, _, last) = guess(&key, times);
            assert_eq!(release(&key, &kept, AttemptResult::Right, last), None);
        }
    }
}

#[test]
fn a_guess_that_was_not_checked_makes_room_for_one_that_is() {
    let key = &in_a_row()[0];
    let (kept, _, last) = guess(key, 6);
    let back = release(key, &kept, AttemptResult::Unchecked, last).unwrap();
    assert_eq!(count_guess(key, Some(&back), last), Ok(kept));
    let (first, _, last) = guess(key, 1);
    assert_eq!(release(key, &first, AttemptResult::Unchecked, last), None);
}

#[test]
fn an_address_has_sixty_failures_at_once_and_then_one_in_ten_seconds() {
    let (_, waits, _) = guess(&by_address(), 65);
    assert_eq!(waits[..60], [0; 60]);
    assert_eq!(waits[60..], [10, 10, 10, 10, 10]);
}

#[test]
fn an_address_is_forgiven_one_by_one() {
    let key = by_address();
    let (full, _, now) = guess(&key, 60);
    // After twenty-five seconds there is room for two.
    let later = now + TimeDelta::seconds(25);
    let one = count_guess(&key, Some(&full), later).unwrap();
    let two = count_guess(&key, Some(&one), later).unwrap();
    assert_eq!(count_guess(&key, Some(&two), later), Err(Duration::from_secs(5)));
    // After ten minutes nothing is left of it.
    assert_eq!(count_guess(&key, Some(&full), now + TimeDelta::minutes(10)).unwrap().count, 1);
}

#[test]
fn a_success_gives_an_address_its_own_guess_back_and_no_other() {
    let key = by_address();
    for verdict in [AttemptResult::Right, AttemptResult::Unchecked] {
        let (full, _, now) = guess(&key, 60);
        let back = release(&key, &full, verdict, now).unwrap();
        assert_eq!(count_guess(&key, Some(&back), now), Ok(full));
        assert_eq!(release(&key, &full, verdict, now + TimeDelta::minutes(10)), None);
        let (first, ..) = guess(&key, 1);
        assert_eq!(release(&key, &first, verdict, now), None);
    }
}

#[test]
fn what_was_typed_is_parsed_or_stands_for_nobody() {
    let typed = |text: &str| EnteredIdentifier::Uid(text.to_owned()).parse();
    assert_eq!(typed("Goose_1"), Some(LoginIdentifier::Uid(Uid::parse("uid", "Goose_1").unwrap())));
    for text in ["", "goose 1", "13800138000", "goose_1\0"] {
        assert_eq!(typed(text), None);
    }
    let typed = |text: &str| EnteredIdentifier::PhoneNumber(text.to_owned()).parse();
    let number = PhoneNumber::parse("13800138000").unwrap();
    assert_eq!(typed("13800138000"), Some(LoginIdentifier::PhoneNumber(number)));
    assert_eq!(typed("Goose_1"), None);
}

#[test]
fn the_letters_of_a_uid_count_as_one_whatever_their_case_and_uid_and_phone_apart() {
    let uid = |text: &str| ThrottleKey::of(&EnteredIdentifier::Uid(text.to_owned()));
    let phone = |text: &str| ThrottleKey::of(&EnteredIdentifier::PhoneNumber(text.to_owned()));
    assert!(uid("GOOSE_1 É") == uid("goose_1 É") && uid("goose_1") != uid("goose_2"));
    assert!(uid("13800138000") != phone("13800138000"));
}

#[test]
fn an_address_is_one_of_ipv4_or_the_network_of_an_ipv6_customer() {
    let same = |one, other| assert_eq!(address(one), address(other), "{one} {other}");
    let differ = |one, other| assert_ne!(address(one), address(other), "{one} {other}");
    same("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff");
    differ("2001:db8:1:2::1", "2001:db8:1:3::1");
    differ("192.0.2.1", "192.0.2.2");
    same("::ffff:192.0.2.1", "192.0.2.1");
    assert_eq!(address("2001:db8:1:2::1").unwrap().get().to_string(), "2001:db8:1:2::");
    for nobody in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::"] {
        assert_eq!(address(nobody), None, "{nobody}");
    }
}

#[test]
fn what_was_typed_does_not_reach_the_log() {
    let uid = EnteredIdentifier::Uid("goose_1".to_owned());
    let phone = EnteredIdentifier::PhoneNumber("13800138000".to_owned());
    for shown in [format!("{uid:?}"), format!("{phone:?}"), format!("{:?}", ThrottleKey::of(&uid))] {
        assert_eq!(shown, "EnteredIdentifier(…)");
    }
    assert_eq!(format!("{:?}", by_address()), "Address(192.0.2.7)");
    assert_eq!(format!("{:?}", ThrottleKey::Account(user(1))), format!("Account({})", user(1)));
}
