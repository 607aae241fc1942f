//! Reauthentication and password change.

use mockall::Sequence;
use mockall::predicate::eq;
use pollster::block_on;
use uuid::Uuid;

use super::{CALLER, LEFT, SESSION, World, assert_issued, goose, secret, session};
use crate::account::{Credentials, HashingTurn, LoginIdentifier, Password, PasswordAttempt, PasswordHash};
use crate::auth::{Generation, IssuedTokens, PasswordChangeOutcome, Session, SessionError};
use crate::id::SessionId;
use crate::login_throttle::{AttemptAdmission, AttemptResult, ThrottleKey};
use crate::testing::{assert_fault, at, fault, refusal, user};

const OTHER: SessionId = SessionId::from_uuid(Uuid::from_u128(67));

fn hash(text: &str) -> PasswordHash {
    PasswordHash::new(text.to_owned())
}

fn attempt() -> PasswordAttempt {
    PasswordAttempt::new(&secret("correct horse"))
}

/// A world in which the owner's password is verified exactly once, throttled by account.
fn world(matches: bool) -> World {
    let mut world = World::default();
    world.expect_attempt(vec![ThrottleKey::Session(SESSION)], matches.then_some(AttemptResult::Correct));
    let found = world.users.expect_credentials().with(eq(LoginIdentifier::Account(user(1))));
    found.once().returning(|_| Ok(Some(Credentials { user: goose(), password_hash: hash("$2b$old") })));
    let verify = world.hasher.expect_verify().withf(|turn, attempt, hash| {
        *turn == HashingTurn::Account(user(1))
            && attempt.expose() == "correct horse"
            && hash.as_ref().is_some_and(|hash| hash.expose() == "$2b$old")
    });
    verify.once().returning(move |_, _, _| Ok(matches));
    world
}

fn change(world: World) -> Result<IssuedTokens, SessionError> {
    let new = Password::parse(secret("battery staple")).unwrap();
    block_on(world.service().change_password(CALLER, &attempt(), &new))
}

/// A world in which the old password is right and the new one is hashed and stored once.
fn changing(outcome: PasswordChangeOutcome) -> World {
    let mut world = world(true);
    let hashed = world.hasher.expect_hash().withf(|_, password| password.expose() == "battery staple");
    hashed.once().returning(|_, _| Ok(hash("$2b$new")));
    let expected = world.sessions.expect_change_password().withf(|change| {
        change.caller == CALLER
            && change.verified_hash == hash("$2b$old")
            && change.new_hash == hash("$2b$new")
    });
    expected.once().return_once(|_| Ok(outcome));
    world
}

#[test]
fn the_uid_or_the_name_is_no_password() {
    let shown = goose();
    for text in [shown.uid.as_str().to_uppercase(), format!("{}\u{200b}", shown.uid.as_str())] {
        let padded = format!("{text}\u{ad}\u{ad}\u{ad}");
        let new = Password::parse(secret(&padded)).unwrap();
        let changed = block_on(world(true).service().change_password(CALLER, &attempt(), &new));
        assert!(matches!(changed, Err(SessionError::PasswordIsIdentity)), "{text}");
    }
}

#[test]
fn the_correct_password_reauthenticates_the_owner() {
    assert_eq!(refusal(block_on(world(true).service().confirm_password(CALLER, &attempt()))), None);
}

#[test]
fn a_wrong_password_is_refused_and_stays_counted() {
    let refused = block_on(world(false).service().confirm_password(CALLER, &attempt()));
    assert_eq!(refusal(refused), Some("invalid_credentials"));
    assert_eq!(refusal(change(world(false))), Some("invalid_credentials"));
}

#[test]
fn a_throttled_reauthentication_is_not_verified() {
    let retry_after = std::time::Duration::from_secs(5);
    for changes in [true, false] {
        let mut world = World::admitting();
        world
            .throttle
            .expect_count()
            .once()
            .return_once(move |_| Ok(AttemptAdmission::Refused { retry_after }));
        let refused = if changes {
            change(world).map(|_| ())
        } else {
            block_on(world.service().confirm_password(CALLER, &attempt()))
        };
        assert_eq!(refusal(refused), Some("too_many_attempts"));
    }
}

#[test]
fn reauthenticating_an_erased_account_costs_one_verification() {
    let mut world = World::default();
    world.expect_attempt(vec![ThrottleKey::Session(SESSION)], None);
    world.users.expect_credentials().once().returning(|_| Ok(None));
    world.hasher.expect_verify().withf(|_, _, hash| hash.is_none()).once().returning(|_, _, _| Ok(true));
    let refused = block_on(world.service().confirm_password(CALLER, &attempt()));
    assert_eq!(refusal(refused), Some("invalid_credentials"));
}

#[test]
fn a_new_password_gives_new_tokens_and_ends_all_other_sessions() {
    let next = Session { generation: Generation::new(1), ..session() };
    let ended = vec![OTHER];
    let mut world = changing(PasswordChangeOutcome::Changed { session: next.clone(), ended });
    let mut order = Sequence::new();
    let mark_ended = world.ended.expect_mark_ended().with(eq(OTHER));
    mark_ended.once().in_sequence(&mut order).return_const(());
    world.ended.expect_mark_ended().with(eq(SESSION)).never();
    world.expect_tokens_of(&next, 1598, at(998 + 604_800));
    assert_issued(&change(world).unwrap(), LEFT);
}

#[test]
fn a_concurrently_changed_password_is_not_overwritten() {
    let mut world = changing(PasswordChangeOutcome::OtherPassword);
    let other = Credentials { user: goose(), password_hash: hash("$2b$other") };
    world.users.expect_credentials().once().return_once(|_| Ok(Some(other)));
    world.hasher.expect_verify().once().returning(|_, _, _| Ok(false));
    assert_eq!(refusal(change(world)), Some("invalid_credentials"));
    assert_eq!(refusal(change(changing(PasswordChangeOutcome::Over))), Some("session_ended"));
}

#[test]
fn a_change_meets_a_hash_that_a_login_has_just_replaced() {
    let mut world = changing(PasswordChangeOutcome::OtherPassword);
    let costlier = Credentials { user: goose(), password_hash: hash("$2b$costlier") };
    world.users.expect_credentials().once().return_once(|_| Ok(Some(costlier)));
    world.hasher.expect_verify().once().returning(|_, _, _| Ok(true));
    let expected =
        world.sessions.expect_change_password().withf(|change| change.verified_hash == hash("$2b$costlier"));
    expected
        .once()
        .return_once(|_| Ok(PasswordChangeOutcome::Changed { session: session(), ended: Vec::new() }));
    world.expect_tokens_of(&session(), 1598, at(998 + 604_800));
    assert_issued(&change(world).unwrap(), LEFT);
}

#[test]
fn faults_are_passed_on() {
    let mut unhashed = world(true);
    unhashed.hasher.expect_hash().once().returning(|_, _| Err(fault()));
    assert_fault(change(unhashed));
    let mut unchanged = world(true);
    unchanged.hasher.expect_hash().once().returning(|_, _| Ok(hash("$2b$new")));
    unchanged.sessions.expect_change_password().once().returning(|_| Err(fault()));
    assert_fault(change(unchanged));
}
