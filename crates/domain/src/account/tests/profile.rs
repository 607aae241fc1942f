use std::sync::Arc;

use mockall::predicate::eq;
use pollster::block_on;

use super::{DAY, uid};
use crate::account::{
    AccountSummary, MockUserRepository, Nickname, Profile, ProfileChange, ProfileService, Relation, Sharing,
    UidChangeOutcome, UidChangeRefusal, UidChangeRules, User,
};
use crate::quota::{MockLookupQuota, QuotaRate};
use crate::testing::{assert_fault, at, fault, refusal, user};

fn rules() -> UidChangeRules {
    UidChangeRules { interval: DAY, quota: QuotaRate::new(5, DAY) }
}

fn service(prepare: impl FnOnce(&mut MockUserRepository)) -> ProfileService {
    let mut users = MockUserRepository::new();
    prepare(&mut users);
    ProfileService::new(Arc::new(users), rules(), None)
}

fn goose() -> AccountSummary {
    let user = User {
        id: user(1),
        uid: uid("Goose_1"),
        name: Nickname::parse("雁").unwrap(),
        phone_number: None,
        created_at: at(0),
    };
    let sharing = Sharing { read: true, typing: false };
    AccountSummary { user, unread_total: 7, pending_requests: 2, sharing }
}

#[test]
fn the_caller_sees_its_own_account() {
    let service = service(|users| {
        users.expect_summary().with(eq(user(1))).once().returning(|_| Ok(Some(goose())));
    });
    assert_eq!(block_on(service.me(user(1))).unwrap(), goose());
}

fn renaming(name: &str) -> ProfileChange {
    ProfileChange { name: Some(Nickname::parse(name).unwrap()), ..ProfileChange::default() }
}

#[test]
fn changing_the_profile_returns_the_account_in_its_new_state() {
    let change = ProfileChange { share_typing: Some(false), ..renaming("小雁") };
    let service = service(|users| {
        let expected = users.expect_change_profile().with(eq(user(1)), eq(change.clone()));
        expected.once().returning(|_, _| Ok(Some(goose())));
    });
    assert_eq!(block_on(service.change(user(1), &change)).unwrap(), goose());
}

#[test]
fn a_gone_account_is_neither_shown_nor_renamed() {
    let service = service(|users| {
        users.expect_summary().returning(|_| Ok(None));
        users.expect_change_profile().returning(|_, _| Ok(None));
    });
    assert_eq!(refusal(block_on(service.me(user(1)))), Some("session_ended"));
    assert_eq!(refusal(block_on(service.change(user(1), &renaming("小雁")))), Some("session_ended"));
}

#[test]
fn an_account_is_found_by_uid_with_its_relation_to_the_caller() {
    let profile = Profile {
        user_id: user(2),
        uid: uid("Swan_22"),
        name: Nickname::parse("天鹅").unwrap(),
        relation: Relation::RequestSent,
    };
    let service = service(|users| {
        let profile = profile.clone();
        let expected = users.expect_find_by_uid().with(eq(user(1)), eq(uid("swan_22")));
        expected.once().return_once(|_, _| Ok(Some(profile)));
    });
    assert_eq!(block_on(service.find_by_uid(user(1), &uid("swan_22"))).unwrap(), profile);
}

#[test]
fn an_unused_uid_finds_no_account() {
    let service = service(|users| {
        users.expect_find_by_uid().returning(|_, _| Ok(None));
    });
    assert_eq!(refusal(block_on(service.find_by_uid(user(1), &uid("swan_22")))), Some("unknown_user"));
}

#[test]
fn a_related_account_is_found_by_id_without_any_quota() {
    let profile = Profile {
        user_id: user(2),
        uid: uid("Swan_22"),
        name: Nickname::parse("天鹅").unwrap(),
        relation: Relation::Friend,
    };
    for found in [Some(profile), None] {
        let (mut users, quota) = (MockUserRepository::new(), MockLookupQuota::new());
        let answer = found.clone();
        users.expect_find_by_id().with(eq(user(1)), eq(user(2))).once().return_once(|_, _| Ok(answer));
        let service = ProfileService::new(Arc::new(users), rules(), Some(Arc::new(quota)));
        let shown = block_on(service.find_by_id(user(1), user(2)));
        assert_eq!(shown.as_ref().ok(), found.as_ref());
        assert!(found.is_some() || refusal(shown) == Some("unknown_user"));
    }
}

#[test]
fn a_look_up_beyond_the_quota_asks_no_port() {
    let (mut users, mut quota) = (MockUserRepository::new(), MockLookupQuota::new());
    users.expect_find_by_uid().once().returning(|_, _| Ok(None));
    let mut left = 1;
    quota.expect_spend().with(eq(user(1))).times(2).returning(move |_| {
        left -= 1;
        if left >= 0 { Ok(()) } else { Err(DAY) }
    });
    let service = ProfileService::new(Arc::new(users), rules(), Some(Arc::new(quota)));
    let find = || block_on(service.find_by_uid(user(1), &uid("swan_22")));
    assert_eq!(refusal(find()), Some("unknown_user"), "a look-up that finds no account counts");
    assert_eq!(refusal(find()), Some("lookup_quota_used_up"));
}

#[test]
fn a_uid_change_uses_the_configured_rules() {
    let service = service(|users| {
        let expected = users.expect_change_uid().with(eq(user(1)), eq(uid("Swan_22")), eq(rules()));
        expected.once().returning(|_, _, _| Ok(UidChangeOutcome::Changed));
    });
    assert_eq!(refusal(block_on(service.change_uid(user(1), &uid("Swan_22")))), None);
}

#[test]
fn each_refusal_to_change_a_uid_has_its_name() {
    for (outcome, name) in [
        (UidChangeOutcome::Taken, "uid_taken"),
        (UidChangeOutcome::Refused(UidChangeRefusal::Unchanged), "uid_unchanged"),
        (UidChangeOutcome::Refused(UidChangeRefusal::TooRecent), "uid_changed_too_recently"),
        (UidChangeOutcome::Refused(UidChangeRefusal::Reserved), "uid_taken"),
        (UidChangeOutcome::QuotaUsedUp(DAY), "uid_change_quota_used_up"),
        (UidChangeOutcome::UnknownUser, "session_ended"),
    ] {
        let service = service(|users| {
            users.expect_change_uid().once().return_once(move |_, _, _| Ok(outcome));
        });
        assert_eq!(refusal(block_on(service.change_uid(user(1), &uid("Swan_22")))), Some(name));
    }
}

#[test]
fn a_fault_below_is_passed_on() {
    let service = service(|users| {
        users.expect_summary().returning(|_| Err(fault()));
        users.expect_change_profile().returning(|_, _| Err(fault()));
        users.expect_find_by_uid().returning(|_, _| Err(fault()));
        users.expect_find_by_id().returning(|_, _| Err(fault()));
        users.expect_change_uid().returning(|_, _, _| Err(fault()));
    });
    assert_fault(block_on(service.me(user(1))));
    assert_fault(block_on(service.change(user(1), &renaming("雁"))));
    assert_fault(block_on(service.find_by_uid(user(1), &uid("Swan_22"))));
    assert_fault(block_on(service.find_by_id(user(1), user(2))));
    assert_fault(block_on(service.change_uid(user(1), &uid("Swan_22"))));
}
