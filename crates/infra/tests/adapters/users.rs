use std::sync::Arc;
use std::time::Duration;

use domain::account::{
    LoginIdentifier, Nickname, PhoneNumber, ProfileChange, RegisterOutcome, Relation, Uid, UidChangeOutcome,
    UidChangeRules, UserRepository,
};
use domain::auth::DeviceName;

use crate::support::{Database, new_user};

/// A new nickname.
pub(crate) fn renaming(name: &str) -> ProfileChange {
    ProfileChange { name: Some(Nickname::parse(name).unwrap()), ..ProfileChange::default() }
}

fn uid(text: &str) -> Uid {
    Uid::parse(text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_concurrent_registrations_of_one_uid_exactly_one_wins() {
    let database = Database::new();
    let pools = [database.pool(), database.pool()];
    for round in 0..10 {
        let wanted = format!("Wanted_{round:02}");
        let claims: Vec<_> = (0..12)
            .map(|number| {
                let (pool, wanted) = (Arc::clone(&pools[number % 2]), wanted.clone());
                let spelled = if number % 3 == 0 { wanted.to_uppercase() } else { wanted };
                tokio::spawn(async move {
                    pool.users.register(&new_user(&spelled), &DeviceName::default()).await.unwrap()
                })
            })
            .collect();
        let mut won = 0;
        for claim in claims {
            match claim.await.unwrap() {
                RegisterOutcome::Registered(..) => won += 1,
                RegisterOutcome::UidTaken => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(won, 1);
    }
    assert_eq!(database.number("SELECT count(*) FROM users"), 10);
    assert_eq!(database.number("SELECT count(*) FROM sessions"), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_changes_to_one_uid_have_one_winner() {
    let database = Database::new();
    let pools = [database.pool(), database.pool()];
    let mut changes = Vec::new();
    for number in 0..50 {
        let person = pools[0].person(&format!("person_{number:02}")).await;
        let pool = Arc::clone(&pools[number % 2]);
        let spelled = uid(if number % 3 == 0 { "WANTED" } else { "wanted" });
        changes.push(async move {
            pool.users.change_uid(person, &spelled, UidChangeRules::default()).await.unwrap()
        });
    }
    let changes: Vec<_> = changes.into_iter().map(tokio::spawn).collect();
    let mut outcomes = Vec::new();
    for change in changes {
        outcomes.push(change.await.unwrap());
    }
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == UidChangeOutcome::Changed).count(), 1);
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == UidChangeOutcome::Taken).count(), 49);
    assert_eq!(database.number("SELECT count(*) FROM users WHERE lower(uid) = 'wanted'"), 1);
}

#[tokio::test]
async fn a_taken_uid_is_reported_before_a_taken_phone_number() {
    let database = Database::new();
    let pool = database.pool();
    let mut first = new_user("alice_01");
    first.phone_number = Some(PhoneNumber::parse("13800138000").unwrap());
    let register = async |user| pool.users.register(&user, &DeviceName::default()).await.unwrap();
    assert!(matches!(register(first.clone()).await, RegisterOutcome::Registered(..)));
    assert!(matches!(register(first.clone()).await, RegisterOutcome::UidTaken));
    first.uid = uid("alice_02");
    assert!(matches!(register(first).await, RegisterOutcome::PhoneNumberTaken));
}

#[tokio::test]
async fn an_erased_account_cannot_be_found_and_its_names_are_free() {
    let database = Database::new();
    let pool = database.pool();
    let (alice, bob) = (pool.person("alice_01").await, pool.person("bob_0001").await);
    assert_eq!(
        pool.users.find_by_uid(bob, &uid("ALICE_01")).await.unwrap().unwrap().relation,
        Relation::None
    );
    database.sql(&format!(
        "UPDATE users SET state = 'erased', erased_at = now(), uid = '', name = '', password_hash = '' WHERE id = '{alice}'"
    ));
    assert_eq!(pool.users.find_by_uid(bob, &uid("alice_01")).await.unwrap(), None);
    assert_eq!(pool.users.summary(alice).await.unwrap(), None);
    let login = LoginIdentifier::Uid(uid("alice_01"));
    assert!(pool.users.credentials(&login).await.unwrap().is_none());
    pool.person("alice_01").await;
}

#[tokio::test]
async fn uid_changes_keep_their_interval_by_database_time() {
    let database = Database::new();
    let pool = database.pool();
    let alice = pool.person("alice_01").await;
    let rules = UidChangeRules { interval: Duration::from_secs(86_400), quota: None };
    let change = async |wanted: &str| pool.users.change_uid(alice, &uid(wanted), rules).await.unwrap();
    assert_eq!(change("alice_02").await, UidChangeOutcome::Changed);
    assert!(matches!(change("alice_03").await, UidChangeOutcome::Refused(_)));
    database.sql("UPDATE users SET uid_changed_at = uid_changed_at - interval '1 day'");
    assert_eq!(change("alice_03").await, UidChangeOutcome::Changed);
}

#[tokio::test]
async fn pending_items_are_counted_as_the_lists_show_them() {
    let database = Database::new();
    let pool = database.pool();
    let alice = pool.person("alice_01").await;
    let waiting = async || {
        let overview = pool.users.summary(alice).await.unwrap().unwrap();
        (overview.unread_total, overview.pending_requests)
    };
    assert_eq!(waiting().await, (0, 0));
    for number in 0..3 {
        let friend = pool.person(&format!("friend_{number}")).await;
        pool.befriend(friend, alice).await;
        for _ in 0..=number {
            pool.say(friend, alice, "hello").await;
        }
        pool.pending(pool.person(&format!("asker_0{number}")).await, alice).await;
    }
    pool.pending(alice, pool.person("receiver").await).await;
    assert_eq!(waiting().await, (6, 3));
    let ids = "SELECT conversation_id FROM conversation_members m JOIN users u ON u.id = m.peer_id";
    database.sql(&format!("UPDATE conversation_members SET muted = true WHERE conversation_id IN ({ids} WHERE u.uid = 'friend_1')"));
    assert_eq!(waiting().await, (6, 3), "muted conversations are counted");
    database.sql("UPDATE friendship_requests SET expires_at = created_at WHERE sender_id = (SELECT id FROM users WHERE uid = 'asker_00')");
    assert_eq!(waiting().await, (6, 2), "expired requests are not counted");
}

#[tokio::test]
async fn a_new_nickname_is_visible_at_once() {
    let database = Database::new();
    let pool = database.pool();
    let (alice, bob) = (pool.person("alice_01").await, pool.person("bob_0001").await);
    let name = Nickname::parse("小爱").unwrap();
    let renamed = pool.users.change_profile(alice, &renaming("小爱")).await.unwrap().unwrap();
    assert_eq!((renamed.user.id, &renamed.user.name), (alice, &name));
    let seen = pool.users.find_by_uid(bob, &uid("alice_01")).await.unwrap().unwrap();
    assert_eq!(seen.name, name);
    database.sql(&format!("UPDATE users SET state = 'disabled' WHERE id = '{alice}'"));
    assert_eq!(pool.users.change_profile(alice, &renaming("again")).await.unwrap(), None);
    assert_eq!(database.number("SELECT count(*) FROM users WHERE name = 'again'"), 0);
}
