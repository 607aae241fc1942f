use std::sync::Arc;

use domain::account::{LifecycleRepository, LoginIdentifier, PhoneNumber, Uid};
use domain::auth::Caller;
use domain::id::UserId;
use domain::known_device::{DeviceId, KnownDevice, KnownDevices, LoginOrigin};
use domain::login_throttle::ClientAddress;

use crate::support::{Database, Pool};
use crate::wire_tap::{ClientMessage, WireTap};

fn address(last: u8) -> LoginOrigin {
    LoginOrigin::Address(ClientAddress::new([192, 0, 2, last].into()).unwrap())
}

fn device(number: u8) -> LoginOrigin {
    LoginOrigin::Device(DeviceId::parse(&format!("the-secret-of-device-{number}")).unwrap())
}

fn named(uid: &str) -> LoginIdentifier {
    LoginIdentifier::Uid(Uid::parse(uid).unwrap())
}

impl Pool {
    async fn recognized(&self, uid: &str, origins: &[LoginOrigin]) -> Option<KnownDevice> {
        self.known_devices.recognize(&named(uid), origins).await.unwrap()
    }

    async fn remember(&self, user: UserId, origins: &[LoginOrigin]) {
        self.known_devices.remember(user, origins).await.unwrap();
    }
}

#[tokio::test]
async fn an_origin_is_known_for_its_account_alone_on_every_instance() {
    let database = Database::new();
    let (here, there) = (database.pool(), database.pool());
    let (alice, bob) = (here.person("alice_01").await, here.person("bob_0001").await);
    here.remember(alice, &[device(1), address(1)]).await;
    here.remember(bob, &[address(2)]).await;
    let known = |user_id, origin| Some(KnownDevice { user_id, origin });
    let both = [device(1), address(1)];
    assert_eq!(there.recognized("ALICE_01", &both).await, known(alice, device(1)), "the first is preferred");
    assert_eq!(there.recognized("alice_01", &[device(2), address(1)]).await, known(alice, address(1)));
    assert_eq!(there.recognized("alice_01", &[device(2), address(2)]).await, None);
    assert_eq!(there.recognized("bob_0001", &both).await, None);
    assert_eq!(there.recognized("nobody_1", &both).await, None);
    let by_number = LoginIdentifier::PhoneNumber(PhoneNumber::parse("13800138000").unwrap());
    assert_eq!(there.known_devices.recognize(&by_number, &both).await.unwrap(), None);
    database.sql("UPDATE users SET phone_number = '13800138000' WHERE uid = 'alice_01'");
    let found = there.known_devices.recognize(&by_number, &both).await.unwrap();
    assert_eq!(found, known(alice, device(1)));
}

#[tokio::test]
async fn known_devices_age_out_and_the_newest_are_kept() {
    let database = Database::new();
    let pool = database.pool();
    let alice = pool.person("alice_01").await;
    for number in 0..30 {
        pool.remember(alice, &[device(number), address(number)]).await;
    }
    assert_eq!(database.number("SELECT count(*) FROM known_devices"), 20);
    assert_eq!(pool.recognized("alice_01", &[device(19), address(19)]).await, None);
    assert!(pool.recognized("alice_01", &[device(20)]).await.is_some());
    assert!(pool.recognized("alice_01", &[address(29)]).await.is_some());
    let pass =
        |days| format!("UPDATE known_devices SET logged_in_at = logged_in_at - interval '{days} days'");
    database.sql(&pass(119));
    assert!(pool.recognized("alice_01", &[address(29)]).await.is_some());
    database.sql(&pass(1));
    assert_eq!(pool.recognized("alice_01", &[address(29)]).await, None);
    pool.remember(alice, &[address(29)]).await;
    assert!(pool.recognized("alice_01", &[address(29)]).await.is_some(), "a login makes it known again");
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_logins_of_one_account_do_not_deadlock() {
    let database = Database::new();
    let pools = [database.pool(), database.pool()];
    let alice = pools[0].person("alice_01").await;
    let logins: Vec<_> = (0..60_u8)
        .map(|number| {
            let pool = Arc::clone(&pools[usize::from(number % 2)]);
            let origins = [device(number % 25), address(number % 23)];
            tokio::spawn(async move { pool.remember(alice, &origins).await })
        })
        .collect();
    for login in logins {
        login.await.unwrap();
    }
    assert_eq!(database.number("SELECT count(*) FROM known_devices"), 20);
}

#[tokio::test]
async fn an_erased_account_has_no_known_device_and_gets_none() {
    let database = Database::new();
    let pool = database.pool();
    let (alice, session) = pool.register("alice_01").await;
    pool.remember(alice, &[address(1)]).await;
    let caller = Caller { user_id: alice, session_id: session.id };
    assert!(pool.accounts.erase(caller).await.unwrap().is_some());
    pool.remember(alice, &[address(2)]).await;
    assert_eq!(database.number("SELECT count(*) FROM known_devices"), 0);
}

#[tokio::test]
async fn recognising_takes_the_same_statements_for_an_unknown_account() {
    let database = Database::new();
    database.pool().person("alice_01").await;
    let wire = WireTap::tap(database.url());
    let pool = database.pool_at(wire.url(), crate::statements::ONE_WRITER);
    pool.recognized("alice_01", &[address(1)]).await;
    wire.client_messages();
    let mut asked = Vec::new();
    for uid in ["alice_01", "nobody_1"] {
        assert_eq!(pool.recognized(uid, &[device(1), address(1)]).await, None);
        let run = |(_, message)| match message {
            ClientMessage::Run(sql) | ClientMessage::Plain(sql) => Some(sql),
            ClientMessage::Prepare(_) => None,
        };
        asked.push(wire.client_messages().into_iter().filter_map(run).collect::<Vec<_>>());
    }
    assert_eq!((asked[0].len(), &asked[0]), (2, &asked[1]));
}

#[tokio::test]
async fn the_table_reveals_neither_addresses_nor_device_ids() {
    let database = Database::new();
    let pool = database.pool();
    let alice = pool.person("alice_01").await;
    pool.remember(alice, &[device(1), address(1)]).await;
    assert_eq!(database.number("SELECT count(*) FROM known_devices WHERE octet_length(device) = 32"), 2);
    let plain = "SELECT count(*) FROM known_devices
                  WHERE position('192.0.2.1'::bytea IN device) > 0 OR position('secret'::bytea IN device) > 0";
    assert_eq!(database.number(plain), 0);
}
