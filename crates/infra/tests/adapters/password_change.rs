//! Password changes and their effect on sessions.

use std::sync::Arc;

use domain::account::{LoginIdentifier, UserRepository};
use domain::auth::{
    EndReason, PasswordChange, PasswordChangeOutcome, RotateOutcome, Session, SessionRepository,
};

use crate::sessions::{caller, hash, order, try_of};
use crate::support::{Database, Pool};

impl Pool {
    async fn change_password(&self, session: &Session, old: &str, new: &str) -> PasswordChangeOutcome {
        let change =
            PasswordChange { caller: caller(session), verified_hash: hash(old), new_hash: hash(new) };
        self.sessions.change_password(&change).await.unwrap()
    }
}

#[tokio::test]
async fn a_new_password_rotates_the_own_session_and_ends_all_others() {
    let database = Database::new();
    let pool = database.pool();
    let (alice, first) = pool.register("alice_01").await;
    let (_, bobs) = pool.register("bob_0001").await;
    let other = pool.log_in(alice, "no hash").await.unwrap();
    let RotateOutcome::Rotated(second) = pool.rotate(try_of(&first, "a")).await else { panic!() };
    let PasswordChangeOutcome::Changed { session, ended } =
        pool.change_password(&second, "no hash", "new hash").await
    else {
        panic!()
    };
    assert_eq!((session.id, session.generation), (first.id, second.generation.next()));
    assert_eq!(ended, [other.id]);
    assert_eq!(pool.rotate(order(&other)).await, RotateOutcome::Over);
    // The former refresh token is a used one, and a retry cannot replay it.
    assert_eq!(pool.rotate(try_of(&second, "a")).await, RotateOutcome::Reused);
    assert!(matches!(pool.rotate(order(&session)).await, RotateOutcome::Rotated(_)));
    assert!(pool.log_in(alice, "no hash").await.is_none() && pool.log_in(alice, "new hash").await.is_some());
    let credentials = pool.users.credentials(&LoginIdentifier::Account(alice)).await.unwrap().unwrap();
    assert_eq!((credentials.user.id, credentials.password_hash.expose()), (alice, "new hash"));
    assert!(pool.sessions.is_open(caller(&bobs)).await.unwrap());
}

#[tokio::test]
async fn changing_a_password_needs_the_old_one_and_an_open_session() {
    let database = Database::new();
    let pool = database.pool();
    let (alice, session) = pool.register("alice_01").await;
    let (_, mallorys) = pool.register("mallory_1").await;
    let refused = pool.change_password(&session, "another hash", "new hash").await;
    assert_eq!(refused, PasswordChangeOutcome::OtherPassword);
    let strange = Session { user_id: alice, ..mallorys };
    let refused = pool.change_password(&strange, "no hash", "new hash").await;
    assert_eq!(refused, PasswordChangeOutcome::Over);
    database.sql("UPDATE users SET state = 'disabled' WHERE uid = 'alice_01'");
    assert_eq!(pool.change_password(&session, "no hash", "new hash").await, PasswordChangeOutcome::Over);
    assert!(pool.users.credentials(&LoginIdentifier::Account(alice)).await.unwrap().is_none());
    database.sql("UPDATE users SET state = 'active'");
    pool.sessions.end(session.id, alice, EndReason::Logout).await.unwrap();
    assert_eq!(pool.change_password(&session, "no hash", "new hash").await, PasswordChangeOutcome::Over);
    assert_eq!(database.number("SELECT count(*) FROM users WHERE password_hash = 'no hash'"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_session_opened_by_the_old_password_survives_its_change() {
    let database = Database::new();
    let pools = [database.pool(), database.pool()];
    let (alice, mut session) = pools[0].register("alice_01").await;
    let mut old = "no hash".to_owned();
    for round in 0..8 {
        let logins: Vec<_> = (0..8)
            .map(|number| {
                let (pool, old) = (Arc::clone(&pools[number % 2]), old.clone());
                tokio::spawn(async move { pool.log_in(alice, &old).await })
            })
            .collect();
        let new = format!("hash {round}");
        let changed = pools[round % 2].change_password(&session, &old, &new).await;
        let PasswordChangeOutcome::Changed { session: next, .. } = changed else { panic!("{changed:?}") };
        for login in logins {
            login.await.unwrap();
        }
        assert_eq!(database.number("SELECT count(*) FROM sessions WHERE ended_at IS NULL"), 1);
        (session, old) = (next, new);
    }
}
