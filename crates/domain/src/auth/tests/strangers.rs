//! A simulation: strangers who guess at an account for minutes never make its owner wait.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use pollster::block_on;

use super::{World, goose, secret, session};
use crate::account::{Credentials, LoginIdentifier, PasswordAttempt, PasswordHash};
use crate::auth::{DeviceName, Login, SessionService};
use crate::error::PortError;
use crate::id::UserId;
use crate::known_device::{ClientDevice, DeviceId, KnownDevice, KnownDevices, LoginOrigin};
use crate::login_throttle::{
    AttemptAdmission, AttemptResult, ClientAddress, EnteredIdentifier, FailureRecord, LoginThrottle,
    ThrottleKey, count_attempt, release,
};
use crate::testing::{at, refusal, user};

const RIGHT: &str = "correct horse";

/// The database: its clock, the failure records and the known devices.
struct Stored {
    now: DateTime<Utc>,
    failures: Vec<(ThrottleKey, FailureRecord)>,
    known: Vec<KnownDevice>,
}

impl Stored {
    fn failures_of(&self, key: &ThrottleKey) -> Option<FailureRecord> {
        self.failures.iter().find(|(stored, _)| stored == key).map(|(_, record)| *record)
    }

    fn store(&mut self, key: &ThrottleKey, record: Option<FailureRecord>) {
        self.failures.retain(|(stored, _)| stored != key);
        self.failures.extend(record.map(|record| (key.clone(), record)));
    }
}

#[derive(Clone)]
struct FakeDatabase(Arc<Mutex<Stored>>);

#[async_trait]
impl LoginThrottle for FakeDatabase {
    async fn count(&self, keys: &[ThrottleKey]) -> Result<AttemptAdmission, PortError> {
        let mut stored = self.0.lock().unwrap();
        let counted: Result<Vec<_>, _> =
            keys.iter().map(|key| count_attempt(key, stored.failures_of(key).as_ref(), stored.now)).collect();
        match counted {
            Err(retry_after) => Ok(AttemptAdmission::Refused { retry_after }),
            Ok(records) => {
                keys.iter().zip(records).for_each(|(key, record)| stored.store(key, Some(record)));
                Ok(AttemptAdmission::Admitted)
            }
        }
    }

    async fn release(&self, keys: &[ThrottleKey], result: AttemptResult) -> Result<(), PortError> {
        let mut stored = self.0.lock().unwrap();
        for key in keys {
            let left = stored.failures_of(key).and_then(|record| release(key, &record, result, stored.now));
            stored.store(key, left);
        }
        Ok(())
    }
}

#[async_trait]
impl KnownDevices for FakeDatabase {
    async fn recognize(
        &self,
        identifier: &LoginIdentifier,
        origins: &[LoginOrigin],
    ) -> Result<Option<KnownDevice>, PortError> {
        assert!(matches!(identifier, LoginIdentifier::Uid(_)));
        let stored = self.0.lock().unwrap();
        let device = |origin: &LoginOrigin| KnownDevice { user_id: user(1), origin: origin.clone() };
        Ok(origins.iter().map(device).find(|device| stored.known.contains(device)))
    }

    async fn remember(&self, user_id: UserId, origins: &[LoginOrigin]) -> Result<(), PortError> {
        let devices = origins.iter().map(|origin| KnownDevice { user_id, origin: origin.clone() });
        self.0.lock().unwrap().known.extend(devices);
        Ok(())
    }
}

/// A service with one account, goose, on the fake database.
fn service(database: &FakeDatabase) -> SessionService {
    let mut world = World::default();
    world.hasher.expect_check_capacity().returning(|_| Ok(()));
    world.hasher.expect_verify().returning(|_, attempt, _| Ok(attempt.expose() == RIGHT));
    world.users.expect_credentials().returning(|_| {
        Ok(Some(Credentials { user: goose(), password_hash: PasswordHash::new("hash".to_owned()) }))
    });
    world.sessions.expect_open().returning(|_| Ok(Some(session().into())));
    world.tokens.expect_sign_access().returning(|_| Ok("access".into()));
    world.tokens.expect_sign_refresh().returning(|_| Ok("refresh".into()));
    let mut service = world.service();
    service.ports.throttle = Arc::new(database.clone());
    service.ports.known_devices = Arc::new(database.clone());
    service
}

fn from_address(last: u8) -> ClientDevice {
    ClientDevice { address: ClientAddress::new([192, 0, 2, last].into()), ..ClientDevice::default() }
}

/// A phone whose address changes with each login.
fn phone(number: u8) -> ClientDevice {
    let id = DeviceId::parse("the-secret-of-the-phone").ok();
    ClientDevice { name: DeviceName::default(), id, ..from_address(100 + number % 100) }
}

/// The error of a login as goose, if any.
fn log_in(service: &SessionService, client: ClientDevice, password: &str) -> Option<&'static str> {
    let identifier = EnteredIdentifier::Uid("Goose_1".to_owned());
    let attempt = PasswordAttempt::new(&secret(password));
    refusal(block_on(service.login(Login { identifier, attempt, client })))
}

fn simulation() -> (FakeDatabase, SessionService) {
    let stored = Stored { now: at(0), failures: Vec::new(), known: Vec::new() };
    let database = FakeDatabase(Arc::new(Mutex::new(stored)));
    let service = service(&database);
    (database, service)
}

#[test]
fn twenty_guesses_a_second_for_minutes_never_make_the_owner_wait() {
    let (database, service) = simulation();
    assert_eq!(log_in(&service, from_address(1), RIGHT), None);
    assert_eq!(log_in(&service, phone(0), RIGHT), None);
    let (mut checked, mut owners) = (0, 0_u8);
    for guess in 0..20 * 300 {
        database.0.lock().unwrap().now += TimeDelta::milliseconds(50);
        // The strangers have ninety addresses.
        let stranger = from_address(10 + u8::try_from(guess % 90).unwrap());
        checked += u32::from(log_in(&service, stranger, "a guess") == Some("invalid_credentials"));
        if guess % 60 == 0 {
            owners += 1;
            assert_eq!(log_in(&service, from_address(1), RIGHT), None, "at home, login {owners}");
            assert_eq!(log_in(&service, phone(owners), RIGHT), None, "on the phone, login {owners}");
        }
    }
    assert_eq!((owners, checked), (100, 5 + 5), "five guesses are free; then the wait doubles from 5 s");
}

#[test]
fn guesses_from_a_known_address_are_slowed_down_too_but_not_on_the_known_phone() {
    let (database, service) = simulation();
    assert_eq!(log_in(&service, from_address(1), RIGHT), None);
    assert_eq!(log_in(&service, phone(0), RIGHT), None);
    let (mut checked, mut refused) = (0, 0);
    for guess in 0..20 * 60_u16 {
        database.0.lock().unwrap().now += TimeDelta::milliseconds(50);
        match log_in(&service, from_address(1), "a guess") {
            Some("invalid_credentials") => checked += 1,
            _ => refused += 1,
        }
        if guess % 20 == 0 {
            assert_eq!(log_in(&service, phone(guess.to_le_bytes()[0]), RIGHT), None, "on the phone");
        }
    }
    assert_eq!(
        (checked, refused),
        (5 + 3, 20 * 60 - (5 + 3)),
        "five guesses are free; then the wait doubles from 5 s"
    );
}

#[test]
fn failures_of_neighbours_do_not_hold_up_a_known_account() {
    let (database, service) = simulation();
    assert_eq!(log_in(&service, from_address(1), RIGHT), None);
    for number in 0..60 {
        let identifier = EnteredIdentifier::Uid(format!("neighbour {number}"));
        let attempt = PasswordAttempt::new(&secret("a guess"));
        let login = Login { identifier, attempt, client: from_address(1) };
        assert_eq!(refusal(block_on(service.login(login))), Some("invalid_credentials"));
    }
    let stranger = Login {
        identifier: EnteredIdentifier::Uid("another one".to_owned()),
        attempt: PasswordAttempt::new(&secret("a guess")),
        client: from_address(1),
    };
    assert_eq!(refusal(block_on(service.login(stranger))), Some("too_many_attempts"));
    assert_eq!(log_in(&service, from_address(1), RIGHT), None);
    assert_eq!(
        database
            .0
            .lock()
            .unwrap()
            .failures
            .iter()
            .filter(|(key, _)| matches!(key, ThrottleKey::Known(_)))
            .count(),
        0
    );
}
