use mockall::predicate::eq;
use pollster::block_on;

use super::{LEFT, World, assert_issued, goose, secret, session, uid};
use crate::account::{Credentials, HashingTurn, LoginIdentifier, PasswordAttempt, PasswordHash, PhoneNumber};
use crate::auth::{DeviceName, LoggedIn, Login, SessionError};
use crate::known_device::{ClientDevice, LoginOrigin};
use crate::login_throttle::{AttemptAdmission, AttemptResult, ClientAddress, EnteredIdentifier, ThrottleKey};
use crate::testing::{assert_fault, at, fault, refusal, user};

fn by_uid() -> LoginIdentifier {
    LoginIdentifier::Uid(uid("Goose_1"))
}

fn credentials() -> Credentials {
    Credentials { user: goose(), password_hash: PasswordHash::new("$2b$hash".to_owned()) }
}

fn typed_uid(text: &str) -> EnteredIdentifier {
    EnteredIdentifier::Uid(text.to_owned())
}

/// The throttle key of a uid.
fn key(lower: &str) -> ThrottleKey {
    ThrottleKey::Identifier(typed_uid(lower))
}

fn from(text: &str) -> Option<ClientAddress> {
    ClientAddress::new(text.parse().unwrap())
}

fn login_from(
    world: World,
    identifier: EnteredIdentifier,
    address: Option<ClientAddress>,
) -> Result<LoggedIn, SessionError> {
    let attempt = PasswordAttempt::new(&secret("correct horse"));
    let name = DeviceName::from_user_agent("goose/1.0");
    let client = ClientDevice { name, id: None, address };
    block_on(world.service().login(Login { identifier, attempt, client }))
}

fn login(world: World) -> Result<LoggedIn, SessionError> {
    login_from(world, typed_uid("Goose_1"), None)
}

/// A world in which the attempt is counted first and then released or not.
fn counted(released: Option<AttemptResult>) -> World {
    let mut world = World::default();
    world.expect_attempt(vec![key("goose_1")], released);
    world
}

/// A world in which the account exists and the attempt is verified exactly once against its hash.
fn world(matches: bool) -> World {
    let mut world = counted(matches.then_some(AttemptResult::Correct));
    world.users.expect_credentials().with(eq(by_uid())).once().returning(|_| Ok(Some(credentials())));
    let expected = world.hasher.expect_verify().withf(|_, attempt, hash| {
        attempt.expose() == "correct horse" && hash.as_ref().is_some_and(|hash| hash.expose() == "$2b$hash")
    });
    expected.once().returning(move |_, _, _| Ok(matches));
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
    expected.once().returning(|_| Ok(Some(session().into())));
    world.expect_tokens_of(&session(), 1598, at(998 + 604_800));
    let logged_in = login(world).unwrap();
    assert_eq!(logged_in.user, goose());
    assert_issued(&logged_in.tokens, LEFT);
}

#[test]
fn a_phone_number_finds_the_account_as_a_uid_does() {
    let number = LoginIdentifier::PhoneNumber(PhoneNumber::parse("13800138000").unwrap());
    let mut world = World::default();
    let typed = EnteredIdentifier::PhoneNumber("13800138000".to_owned());
    world.expect_attempt(vec![ThrottleKey::Identifier(typed.clone())], Some(AttemptResult::Correct));
    let expected = world.users.expect_credentials().with(eq(number));
    expected.once().returning(|_| Ok(Some(credentials())));
    world.hasher.expect_verify().once().returning(|_, _, _| Ok(true));
    world.sessions.expect_open().once().returning(|_| Ok(Some(session().into())));
    world.expect_tokens_of(&session(), 1598, at(998 + 604_800));
    assert_eq!(login_from(world, typed, None).unwrap().user, goose());
}

#[test]
fn a_wrong_password_is_refused_and_opens_nothing() {
    assert_eq!(refusal(login(world(false))), Some("invalid_credentials"));
}

#[test]
fn an_unknown_account_costs_one_verification_and_is_refused() {
    for verified in [false, true] {
        let mut world = counted(None);
        world.users.expect_credentials().with(eq(by_uid())).once().returning(|_| Ok(None));
        let expected = world
            .hasher
            .expect_verify()
            .withf(|_, attempt, hash| attempt.expose() == "correct horse" && hash.is_none());
        expected.once().returning(move |_, _, _| Ok(verified));
        assert_eq!(refusal(login(world)), Some("invalid_credentials"));
    }
}

#[test]
fn a_malformed_identifier_costs_one_verification_and_is_refused() {
    for (text, counted) in [("", ""), ("Goose 1", "goose 1"), ("GEESE\0雁É", "geese\0雁É")] {
        let mut world = World::default();
        world.expect_attempt(vec![key(counted)], None);
        let expected = world.hasher.expect_verify().withf(|_, _, hash| hash.is_none());
        expected.once().returning(|_, _, _| Ok(false));
        let refused = login_from(world, typed_uid(text), None);
        assert_eq!(refusal(refused), Some("invalid_credentials"), "{text}");
    }
}

/// A world in which the stored hash changes after the first verification; the second one is right or wrong.
fn world_with_changing_hash(right_again: bool) -> World {
    let mut world = counted(Some(AttemptResult::Correct));
    let mut hashes = vec!["$2b$new", "$2b$hash"];
    world.users.expect_credentials().times(2).returning(move |_| {
        let password_hash = PasswordHash::new(hashes.pop().unwrap().to_owned());
        Ok(Some(Credentials { user: goose(), password_hash }))
    });
    let expected = world.hasher.expect_verify().times(2);
    expected.returning(move |_, _, hash| Ok(right_again || hash.unwrap().expose() == "$2b$hash"));
    let verified = |wanted: &'static str| {
        move |session: &crate::auth::NewSession| session.verified_hash.expose() == wanted
    };
    world.sessions.expect_open().withf(verified("$2b$hash")).once().returning(|_| Ok(None));
    world.sessions.expect_open().withf(verified("$2b$new")).returning(|_| Ok(Some(session().into())));
    world
}

#[test]
fn a_password_changed_during_verification_is_refused() {
    assert_eq!(refusal(login(world_with_changing_hash(false))), Some("invalid_credentials"));
}

#[test]
fn a_hash_replaced_by_a_costlier_one_during_verification_is_verified_again() {
    let mut world = world_with_changing_hash(true);
    world.expect_tokens_of(&session(), 1598, at(998 + 604_800));
    assert_eq!(login(world).unwrap().user, goose());
}

#[test]
fn a_login_offers_its_hash_for_an_upgrade() {
    let mut world = world(true);
    world.sessions.expect_open().once().returning(|_| Ok(Some(session().into())));
    world.expect_tokens_of(&session(), 1598, at(998 + 604_800));
    let offered = world.upgrades.expect_upgrade().withf(|upgrade| {
        upgrade.user_id == user(1)
            && upgrade.attempt.expose() == "correct horse"
            && upgrade.verified_hash.expose() == "$2b$hash"
    });
    offered.once().return_const(());
    assert!(login(world).is_ok());
}

#[test]
fn errors_of_the_user_repository_are_passed_on() {
    let mut world = counted(Some(AttemptResult::Unverified));
    world.users.expect_credentials().once().returning(|_| Err(fault()));
    assert_fault(login(world));
}

#[test]
fn errors_of_the_hasher_are_passed_on() {
    let mut world = counted(Some(AttemptResult::Unverified));
    world.users.expect_credentials().returning(|_| Ok(Some(credentials())));
    world.hasher.expect_verify().once().returning(|_, _, _| Err(fault()));
    assert_fault(login(world));
}

#[test]
fn errors_of_the_session_repository_are_passed_on() {
    let mut world = world(true);
    world.sessions.expect_open().once().returning(|_| Err(fault()));
    assert_fault(login(world));
}

#[test]
fn errors_of_signing_the_refresh_token_are_passed_on() {
    let mut world = world(true);
    world.sessions.expect_open().returning(|_| Ok(Some(session().into())));
    world.tokens.expect_sign_access().returning(|_| Ok(secret("access")));
    world.tokens.expect_sign_refresh().once().returning(|_| Err(fault()));
    assert_fault(login(world));
}

#[test]
fn an_attempt_counts_by_identifier_and_by_address() {
    let mut world = World::default();
    let address = from("2001:db8:1:2:3::4");
    world.expect_attempt(vec![key("goose_1"), ThrottleKey::Address(address.unwrap())], None);
    let origins = vec![LoginOrigin::Address(address.unwrap())];
    let asked = world.known_devices.expect_recognize();
    asked
        .withf(move |id, from| *id == LoginIdentifier::Uid(uid("GOOSE_1")) && from == origins)
        .once()
        .returning(|_, _| Ok(None));
    world.users.expect_credentials().returning(|_| Ok(None));
    let verify = world.hasher.expect_verify().withf(move |turn, _, _| *turn == HashingTurn::Login(address));
    verify.once().returning(|_, _, _| Ok(false));
    assert_eq!(refusal(login_from(world, typed_uid("GOOSE_1"), address)), Some("invalid_credentials"));
}

#[test]
fn a_throttled_attempt_is_not_verified_and_learns_the_delay() {
    let retry_after = std::time::Duration::from_millis(4_999);
    let mut world = World::admitting();
    world.throttle.expect_count().once().return_once(move |_| Ok(AttemptAdmission::Refused { retry_after }));
    // No other port may be called, neither for the account nor for its hash.
    match login(world) {
        Err(SessionError::TooManyAttempts(delay)) => assert_eq!(delay, retry_after),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_full_verification_queue_sheds_logins_before_the_database() {
    let mut world = World::default();
    world.hasher.expect_check_capacity().once().returning(|_| Err(fault()));
    // No other port may be called.
    assert_fault(login(world));
}

#[test]
fn an_attempt_that_cannot_be_counted_is_not_verified() {
    let mut world = World::admitting();
    world.throttle.expect_count().once().returning(|_| Err(fault()));
    assert_fault(login(world));
}

#[test]
fn a_correct_password_that_cannot_be_released_opens_no_session() {
    let mut world = World::admitting();
    world.throttle.expect_count().returning(|_| Ok(AttemptAdmission::Admitted));
    world.throttle.expect_release().once().returning(|_, _| Err(fault()));
    world.users.expect_credentials().returning(|_| Ok(Some(credentials())));
    world.hasher.expect_verify().returning(|_, _, _| Ok(true));
    assert_fault(login(world));
}

#[test]
fn the_first_error_of_an_unverified_attempt_is_reported() {
    let mut world = World::admitting();
    world.throttle.expect_count().returning(|_| Ok(AttemptAdmission::Admitted));
    let later = || Err(crate::error::PortError::internal("another fault"));
    world.throttle.expect_release().once().returning(move |_, _| later());
    world.users.expect_credentials().returning(|_| Err(fault()));
    assert_fault(login(world));
}
