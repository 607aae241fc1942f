//! Logins from known devices are counted apart, and each login makes its device known.

use pollster::block_on;

use super::{World, goose, secret, session, uid};
use crate::account::{Credentials, LoginIdentifier, PasswordAttempt, PasswordHash};
use crate::auth::{DeviceName, LoggedIn, Login, SessionError};
use crate::known_device::{ClientDevice, DeviceId, KnownDevice, LoginOrigin};
use crate::login_throttle::{AttemptResult, ClientAddress, EnteredIdentifier, ThrottleKey};
use crate::testing::{fault, refusal, user};

fn client() -> ClientDevice {
    let id = DeviceId::parse("0123456789abcdef").unwrap();
    let address = ClientAddress::new([192, 0, 2, 7].into());
    ClientDevice { name: DeviceName::default(), id: Some(id), address }
}

fn login(world: World, client: ClientDevice) -> Result<LoggedIn, SessionError> {
    let identifier = EnteredIdentifier::Uid("Goose_1".to_owned());
    let attempt = PasswordAttempt::new(&secret("correct horse"));
    block_on(world.service().login(Login { identifier, attempt, client }))
}

/// A world in which the client is this device of the account, and the password is right or wrong.
fn recognising(origin: LoginOrigin, right: bool) -> World {
    let mut world = World::default();
    let device = KnownDevice { user_id: user(1), origin };
    let found = device.clone();
    let asked = world.known_devices.expect_recognize();
    let origins = client().origins();
    asked
        .withf(move |id, from| *id == LoginIdentifier::Uid(uid("Goose_1")) && from == origins)
        .once()
        .return_once(move |_, _| Ok(Some(found)));
    let released = right.then_some(AttemptResult::Correct);
    world.expect_attempt(vec![ThrottleKey::Known(device)], released);
    let credentials = Credentials { user: goose(), password_hash: PasswordHash::new("$2b$hash".to_owned()) };
    world.users.expect_credentials().once().return_once(|_| Ok(Some(credentials)));
    world.hasher.expect_verify().once().returning(move |_, _, _| Ok(right));
    world
}

/// A world that opens a session and signs tokens.
fn opening(mut world: World) -> World {
    world.sessions.expect_open().once().returning(|_| Ok(Some(session().into())));
    world.tokens.expect_sign_access().returning(|_| Ok("access".into()));
    world.tokens.expect_sign_refresh().returning(|_| Ok("refresh".into()));
    world
}

#[test]
fn a_known_device_counts_neither_by_identifier_nor_by_address() {
    for origin in client().origins() {
        assert_eq!(refusal(login(recognising(origin, false), client())), Some("invalid_credentials"));
    }
}

#[test]
fn a_login_makes_all_origins_of_its_client_known() {
    let mut world = opening(recognising(client().origins()[1].clone(), true));
    let remembered = world.known_devices.expect_remember();
    remembered
        .withf(|user_id, from| *user_id == user(1) && from == client().origins())
        .once()
        .returning(|_, _| Ok(()));
    assert_eq!(login(world, client()).unwrap().user, goose());
}

#[test]
fn a_device_that_cannot_be_remembered_logs_in_all_the_same() {
    let mut world = opening(recognising(client().origins()[0].clone(), true));
    world.known_devices.expect_remember().once().returning(|_, _| Err(fault()));
    assert!(login(world, client()).is_ok());
}

#[test]
fn a_client_without_address_or_id_is_neither_looked_up_nor_remembered() {
    let mut world = World::default();
    let key = ThrottleKey::of(&EnteredIdentifier::Uid("goose_1".to_owned()));
    world.expect_attempt(vec![key], Some(AttemptResult::Correct));
    let credentials = Credentials { user: goose(), password_hash: PasswordHash::new("$2b$hash".to_owned()) };
    world.users.expect_credentials().once().return_once(|_| Ok(Some(credentials)));
    world.hasher.expect_verify().once().returning(|_, _, _| Ok(true));
    // No method of the known devices may be called.
    assert!(login(opening(world), ClientDevice::default()).is_ok());
}

#[test]
fn a_fault_while_recognising_checks_no_password() {
    let mut world = World::admitting();
    world.known_devices.expect_recognize().once().returning(|_, _| Err(fault()));
    assert_eq!(refusal(login(world, client())), Some("unavailable"));
}
