//! Uids that their owners gave up by a change.

use std::sync::Arc;

use domain::account::{
    LifecycleRepository, RegisterOutcome, Uid, UidChangeOutcome, UidChangeRules, UserRepository,
};
use domain::auth::{Caller, DeviceName};
use domain::id::UserId;

use crate::support::{Database, Pool, new_user};

async fn change(pool: &Pool, user: UserId, wanted: &str) -> UidChangeOutcome {
    let rules = UidChangeRules::default();
    pool.users.change_uid(user, &Uid::parse(wanted).unwrap(), rules).await.unwrap()
}

async fn register(pool: &Pool, uid: &str) -> RegisterOutcome {
    pool.users.register(&new_user(uid), &DeviceName::default()).await.unwrap()
}

#[tokio::test]
async fn only_its_old_owner_can_have_a_uid_again_for_thirty_days() {
    let database = Database::new();
    let pool = database.pool();
    let (alice, bob) = (pool.person("alice_01").await, pool.person("bob_0001").await);
    assert_eq!(change(&pool, alice, "alice_02").await, UidChangeOutcome::Changed);
    assert_eq!(change(&pool, bob, "ALICE_01").await, UidChangeOutcome::Taken);
    assert!(matches!(register(&pool, "Alice_01").await, RegisterOutcome::UidTaken));
    let old = Uid::parse("alice_01").unwrap();
    assert_eq!(pool.users.find_by_uid(bob, &old).await.unwrap(), None);
    assert_eq!(database.number("SELECT count(*) FROM users"), 2);
    assert_eq!(change(&pool, alice, "Alice_01").await, UidChangeOutcome::Changed, "its owner can");
    assert_eq!(change(&pool, alice, "alice_03").await, UidChangeOutcome::Changed);
    database.sql("UPDATE retired_uids SET retired_at = retired_at - interval '29 days 23 hours'");
    assert_eq!(change(&pool, bob, "alice_01").await, UidChangeOutcome::Taken);
    database.sql("UPDATE retired_uids SET retired_at = retired_at - interval '2 hours'");
    assert_eq!(change(&pool, bob, "alice_01").await, UidChangeOutcome::Changed);
    assert!(matches!(register(&pool, "alice_02").await, RegisterOutcome::Registered(..)));
    assert_eq!(change(&pool, bob, "bob_0001").await, UidChangeOutcome::Changed);
    assert_eq!(change(&pool, alice, "alice_01").await, UidChangeOutcome::Taken, "bob gave it up last");
}

#[tokio::test]
async fn another_case_of_a_uid_retires_nothing() {
    let database = Database::new();
    let pool = database.pool();
    let alice = pool.person("alice_01").await;
    assert_eq!(change(&pool, alice, "ALICE_01").await, UidChangeOutcome::Changed);
    assert_eq!(database.number("SELECT count(*) FROM retired_uids"), 0);
}

#[tokio::test]
async fn an_erasure_frees_all_uids_that_the_account_gave_up() {
    let database = Database::new();
    let pool = database.pool();
    let (alice, session) = pool.register("alice_01").await;
    assert_eq!(change(&pool, alice, "alice_02").await, UidChangeOutcome::Changed);
    let caller = Caller { user_id: alice, session_id: session.id };
    assert!(pool.accounts.erase(caller).await.unwrap().is_some());
    for uid in ["alice_01", "alice_02"] {
        assert!(matches!(register(&pool, uid).await, RegisterOutcome::Registered(..)), "{uid}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_during_the_change_that_gives_a_uid_up_is_refused() {
    let database = Database::new();
    let pools = [database.pool(), database.pool()];
    for round in 0..20 {
        let owned = format!("alice_{round:02}");
        let alice = pools[0].person(&owned).await;
        let bob = pools[0].person(&format!("bobby_{round:02}")).await;
        let giving_up = {
            let (pool, next) = (Arc::clone(&pools[0]), format!("other_{round:02}"));
            tokio::spawn(async move { change(&pool, alice, &next).await })
        };
        let claiming = {
            let (pool, owned) = (Arc::clone(&pools[1]), owned.clone());
            tokio::spawn(async move { change(&pool, bob, &owned).await })
        };
        let registered = register(&pools[1], &owned).await;
        assert!(matches!(registered, RegisterOutcome::UidTaken), "{registered:?}");
        assert_eq!(claiming.await.unwrap(), UidChangeOutcome::Taken);
        assert_eq!(giving_up.await.unwrap(), UidChangeOutcome::Changed);
    }
}
