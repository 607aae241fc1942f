use mockall::predicate::eq;
use pollster::block_on;

use super::{ACCESS, World, assert_issued, goose, secret, session, uid};
use crate::session::{DeviceName, LoggedIn, SessionError};
use crate::testing::{assert_fault, at, fault, refusal, user};
use crate::user::{Credentials, LoginIdentifier, PasswordAttempt, PasswordHash, PhoneNumber};

fn by_uid() -> LoginIdentifier {
    LoginIdentifier::Uid(uid("Goose_1"))
}

fn credentials() -> Credentials {
    Credentials { user: goose(), password_hash: PasswordHash::new("$2b$hash".to_owned()) }
}

fn login(world: World, identifier: Option<LoginIdentifier>) -> Result<LoggedIn, SessionError> {
    let attempt = PasswordAttempt::new(&secret("correct horse"));
    block_on(world.service().login(identifier, &attempt, DeviceName::from_user_agent("goose/1.0")))
}

/// A world in which the account is there, and the attempt is verified exactly once against its hash.
fn world(matches: bool) -> World {
    let mut world = World::default();
    world.users.expect_credentials().with(eq(by_uid())).once().returning(|_| Ok(Some(credentials())));
    let expected = world.hasher.expect_verify().withf(|attempt, hash| {
        attempt.expose() == "correct horse" && hash.as_ref().is_some_and(|hash| hash.expose() == "$2b$hash")
    });
    expected.once().returning(move |_, _| Ok(matches));
    world
}

#[test]
fn the_right_password_opens_a_session_bound_to_the_verified_hash() {
    let mut world = world(true);
    let expected = world.sessions.expect_open().withf(|session| {
        session.user_id == user(1)
            && session.verified_hash.expose() == "$2b$hash"
            && session.device.as_str() == "goose/1.0"
    });
    expected.once().returning(|_| Ok(Some(session())));
    world.expect_tokens_of(&session(), 1600, at(998 + 604_800));
    let logged_in = login(world, Some(by_uid())).unwrap();
    assert_eq!(logged_in.user, goose());
    assert_issued(&logged_in.tokens, ACCESS);
}

#[test]
fn a_phone_number_finds_the_account_as_a_uid_does() {
    let number = LoginIdentifier::PhoneNumber(PhoneNumber::parse("13800138000").unwrap());
    let mut world = World::default();
    let expected = world.users.expect_credentials().with(eq(number.clone()));
    expected.once().returning(|_| Ok(Some(credentials())));
    world.hasher.expect_verify().once().returning(|_, _| Ok(true));
    world.sessions.expect_open().once().returning(|_| Ok(Some(session())));
    world.expect_tokens_of(&session(), 1600, at(998 + 604_800));
    assert_eq!(login(world, Some(number)).unwrap().user, goose());
}

#[test]
fn a_wrong_password_is_refused_and_opens_nothing() {
    assert_eq!(refusal(login(world(false), Some(by_uid()))), Some("invalid_credentials"));
}

#[test]
fn an_unknown_account_costs_one_verification_and_is_refused_whatever_that_says() {
    for verified in [false, true] {
        let mut world = World::default();
        world.users.expect_credentials().with(eq(by_uid())).once().returning(|_| Ok(None));
        let expected = world
            .hasher
            .expect_verify()
            .withf(|attempt, hash| attempt.expose() == "correct horse" && hash.is_none());
        expected.once().returning(move |_, _| Ok(verified));
        assert_eq!(refusal(login(world, Some(by_uid()))), Some("invalid_credentials"));
    }
}

#[test]
fn an_identifier_that_cannot_exist_costs_one_verification_and_is_refused() {
    let mut world = World::default();
    let expected = world.hasher.expect_verify().withf(|_, hash| hash.is_none());
    expected.once().returning(|_, _| Ok(false));
    assert_eq!(refusal(login(world, None)), Some("invalid_credentials"));
}

#[test]
fn an_account_that_changed_while_the_password_was_checked_is_refused_alike() {
    let mut world = world(true);
    world.sessions.expect_open().once().returning(|_| Ok(None));
    assert_eq!(refusal(login(world, Some(by_uid()))), Some("invalid_credentials"));
}

#[test]
fn a_fault_of_the_accounts_is_passed_on() {
    let mut world = World::default();
    world.users.expect_credentials().once().returning(|_| Err(fault()));
    assert_fault(login(world, Some(by_uid())));
}

#[test]
fn a_fault_of_the_hasher_is_passed_on() {
    let mut world = World::default();
    world.users.expect_credentials().returning(|_| Ok(Some(credentials())));
    world.hasher.expect_verify().once().returning(|_, _| Err(fault()));
    assert_fault(login(world, Some(by_uid())));
}

#[test]
fn a_fault_of_the_sessions_is_passed_on() {
    let mut world = world(true);
    world.sessions.expect_open().once().returning(|_| Err(fault()));
    assert_fault(login(world, Some(by_uid())));
}

#[test]
fn a_fault_in_signing_the_refresh_token_is_passed_on() {
    let mut world = world(true);
    world.sessions.expect_open().returning(|_| Ok(Some(session())));
    world.tokens.expect_sign_access().returning(|_| Ok(secret("access")));
    world.tokens.expect_sign_refresh().once().returning(|_| Err(fault()));
    assert_fault(login(world, Some(by_uid())));
}
