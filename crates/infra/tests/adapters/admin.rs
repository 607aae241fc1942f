use std::sync::Arc;

use domain::account::{DisplayName, LifecycleRepository, PasswordHash, StateChange, Uid};
use domain::admin::{Account, AccountCursor, AccountPageRequest, AccountState, AdminRepository};
use domain::auth::{DeviceName, NewSession, SessionRepository};
use domain::id::UserId;
use infra::db::{Db, DbSettings};
use infra::diagnostics;
use infra::postgres::PgAdminRepository;

use crate::erasure::{SampleAccount, finish, sample_account, traces};
use crate::support::{Database, PATIENCE};

fn repository(database: &Database) -> PgAdminRepository {
    let settings = DbSettings {
        url: database.url().to_owned(),
        connections: 1,
        reserved: 0,
        queue: 8,
        patience: PATIENCE,
    };
    PgAdminRepository::new(Arc::new(Db::new(&settings).unwrap()))
}

fn uid(text: &str) -> Uid {
    Uid::parse(text).unwrap()
}

const OPEN: &str = "SELECT count(*) FROM sessions WHERE ended_at IS NULL";

#[tokio::test(flavor = "multi_thread")]
async fn accounts_in_every_state_are_listed_page_by_page() {
    let (database, request) = (Database::new(), AccountPageRequest::default());
    let (pool, repository) = (database.pool(), repository(&database));
    let alice = pool.person("alice_01").await;
    let bob = pool.person("bob_0001").await;
    let carol = pool.person("carol_01").await;
    database.sql(
        "UPDATE users SET state = 'disabled' WHERE uid = 'bob_0001';
         UPDATE users SET state = 'erased', erased_at = now(), uid = '', name = '', password_hash = ''
          WHERE uid = 'carol_01';
         UPDATE sessions SET ended_at = now(), end_reason = 'x' WHERE user_id = (SELECT id FROM users WHERE uid = '')",
    );
    let page = repository.list(&request).await.unwrap();
    let shown = |account: &Account| (account.user_id, account.state, account.open_sessions);
    let expected = [
        (alice, AccountState::Active, 1),
        (bob, AccountState::Disabled, 1),
        (carol, AccountState::Erased, 0),
    ];
    assert_eq!(page.items.iter().map(shown).collect::<Vec<_>>(), expected);
    assert_eq!((page.items[0].uid.clone(), page.items[2].uid.clone()), (Some(uid("alice_01")), None));
    assert_eq!(page.items[2].name, DisplayName::Erased);
    let two = AccountPageRequest::parse(Some(2), None).unwrap();
    assert_eq!(repository.list(&two).await.unwrap().next, Some(AccountCursor(bob)));
    let rest =
        repository.list(&AccountPageRequest { after: Some(AccountCursor(bob)), ..request }).await.unwrap();
    assert_eq!((rest.items.len(), rest.next), (1, None));
    assert_eq!(repository.identify(&uid("BOB_0001")).await.unwrap(), Some(bob));
    assert_eq!(repository.identify(&uid("carol_01")).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_shown_with_friends_last_use_and_erasure() {
    let database = Database::new();
    let (pool, repository) = (database.pool(), repository(&database));
    let (alice, bob) = (pool.person("alice_01").await, pool.person("bob_0001").await);
    pool.befriend(alice, bob).await;
    database.sql(&format!(
        "UPDATE users SET phone_number = '+8613800138000' WHERE id = '{alice}';
         UPDATE sessions SET ended_at = now(), end_reason = 'x' WHERE user_id = '{bob}';
         UPDATE sessions SET last_used_at = '2026-11-26 10:00:00+00' WHERE user_id = '{alice}'"
    ));
    let shown = repository.details(alice).await.unwrap().unwrap();
    assert_eq!((shown.account.user_id, shown.account.open_sessions, shown.friends), (alice, 1, 1));
    assert!(shown.has_phone_number && !shown.is_being_erased && shown.erased_at.is_none(), "{shown:?}");
    assert_eq!(shown.last_used_at.unwrap().to_rfc3339(), "2026-11-26T10:00:00+00:00");
    let ended = repository.details(bob).await.unwrap().unwrap();
    assert!(!ended.has_phone_number && ended.last_used_at.is_some() && ended.account.open_sessions == 0);
    assert!(matches!(pool.accounts.erase_by_operator(bob).await.unwrap(), StateChange::Done(_)));
    let erased = repository.details(bob).await.unwrap().unwrap();
    assert!(erased.is_being_erased && erased.erased_at.is_some(), "{erased:?}");
    assert_eq!((erased.account.uid, erased.account.state), (None, AccountState::Erased));
    assert_eq!(repository.details(UserId::from_uuid(uuid::Uuid::nil())).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_erases_active_and_disabled_accounts_once() {
    let database = Database::new();
    let pool = database.pool();
    let SampleAccount { alice, bob, .. } = sample_account(&pool, 0).await;
    pool.accounts.disable(bob).await.unwrap();
    for (user, sessions) in [(alice, 1), (bob, 0)] {
        let StateChange::Done(ended) = pool.accounts.erase_by_operator(user).await.unwrap() else { panic!() };
        assert_eq!(ended.len(), sessions);
        finish(&pool, user).await;
        assert_eq!(traces(&database, user), [0; 7]);
        assert_eq!(pool.accounts.erase_by_operator(user).await.unwrap(), StateChange::UnknownUser);
    }
    assert_eq!(database.number("SELECT count(*) FROM messages"), 0);
    let kept = "SELECT count(*) FROM users WHERE state = 'erased' AND uid || name || password_hash = ''";
    assert_eq!(database.number(kept), 2);
    pool.person("alice_0000").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_ends_only_the_sessions_of_its_account() {
    let database = Database::new();
    let (pool, repository) = (database.pool(), repository(&database));
    let alice = pool.person("alice_01").await;
    pool.person("bob_0001").await;
    let hash = PasswordHash::new("another".to_owned());
    assert!(repository.set_password(alice, &hash).await.unwrap());
    assert_eq!(database.number(OPEN), 1);
    assert_eq!(database.number("SELECT count(*) FROM sessions WHERE end_reason = 'password_reset'"), 1);
    let login = |hash: &str| NewSession {
        user_id: alice,
        verified_hash: PasswordHash::new(hash.to_owned()),
        device: DeviceName::default(),
        most_open: None,
    };
    assert!(pool.sessions.open(&login("no hash")).await.unwrap().is_none(), "the old password is invalid");
    assert!(pool.sessions.open(&login("another")).await.unwrap().is_some());
    database.sql(
        "UPDATE users SET state = 'erased', erased_at = now(), uid = '', name = '', password_hash = ''
          WHERE uid = 'alice_01'",
    );
    assert!(!repository.set_password(alice, &hash).await.unwrap(), "an erased account has no password");
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_end_for_one_account_or_for_all() {
    let database = Database::new();
    let (pool, repository) = (database.pool(), repository(&database));
    let alice = pool.person("alice_01").await;
    for number in 0..3 {
        pool.person(&format!("person_{number}")).await;
    }
    assert_eq!(repository.end_sessions(alice).await.unwrap(), 1);
    assert_eq!(repository.end_sessions(alice).await.unwrap(), 0);
    assert_eq!(repository.end_all_sessions().await.unwrap(), 3);
    assert_eq!((database.number(OPEN), repository.end_all_sessions().await.unwrap()), (0, 0));
}

#[test]
fn diagnostics_report_the_databases_settings() {
    let database = Database::new();
    let facts = diagnostics::inspect(database.url()).unwrap();
    assert!(facts.major >= 15 && facts.version.starts_with(&facts.major.to_string()), "{facts:?}");
    // The tests' cluster is not durable, for speed.
    assert_eq!(facts.not_durable, ["fsync", "full_page_writes", "synchronous_commit"]);
    assert!(facts.max_connections > 10 && facts.connections >= 1, "{facts:?}");
    assert_eq!(facts.messages, "C");
    assert!(!diagnostics::is_empty(database.url()).unwrap());
    assert!(diagnostics::is_empty(Database::bare().url()).unwrap());
    assert!(diagnostics::inspect("postgresql:///x?host=/nowhere").is_err());
}
