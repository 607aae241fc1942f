//! Immediate effects of erasing or disabling an account.

use domain::account::{
    DisplayName, LifecycleRepository, LoginIdentifier, PasswordHash, PhoneNumber, RegisterOutcome,
    StateChange, Uid, UserRepository,
};
use domain::auth::{Caller, DeviceName, EndReason, NewSession, RotateOutcome, Session, SessionRepository};
use domain::block::{BlockPageRequest, BlockRepository};
use domain::conversation::{ConversationPageRequest, ConversationRepository, WindowRequest};
use domain::friendship::{FriendPageRequest, FriendshipRepository};
use domain::friendship_request::{
    Answer, AnswerOutcome, AskOutcome, Direction, FriendshipRequestRepository, RequestPageRequest,
};
use domain::message::{SendOutcome, SendRefusal};

use crate::sessions::order;
use crate::support::{Database, Pool, directed, draft, new_user, pair};

fn caller(session: &Session) -> Caller {
    Caller { user_id: session.user_id, session_id: session.id }
}

async fn refresh(pool: &Pool, session: &Session) -> RotateOutcome {
    pool.sessions.rotate(&order(session)).await.unwrap()
}

async fn login(pool: &Pool, session: &Session) -> Option<Session> {
    let verified_hash = PasswordHash::new("no hash".to_owned());
    let login = NewSession {
        user_id: session.user_id,
        verified_hash,
        device: DeviceName::default(),
        most_open: None,
    };
    pool.sessions.open(&login).await.unwrap().map(|opened| opened.session)
}

#[tokio::test]
async fn erasing_an_account_ends_access_and_frees_its_names_at_once() {
    let database = Database::new();
    let pool = database.pool();
    let mut someone = new_user("alice_01");
    let number = PhoneNumber::parse("13800138000").unwrap();
    someone.phone_number = Some(number.clone());
    let device = DeviceName::from_user_agent("Alice's telephone");
    let RegisterOutcome::Registered(_, first) = pool.users.register(&someone, &device).await.unwrap() else {
        panic!()
    };
    let second = login(&pool, &first).await.unwrap();
    let mut ended = pool.accounts.erase(caller(&second)).await.unwrap().unwrap();
    ended.sort_unstable();
    assert_eq!(ended, [first.id, second.id]);
    assert!(login(&pool, &first).await.is_none());
    assert_eq!(refresh(&pool, &first).await, RotateOutcome::Over);
    let uid = Uid::parse("alice_01").unwrap();
    for login in [LoginIdentifier::Uid(uid.clone()), LoginIdentifier::PhoneNumber(number)] {
        assert!(pool.users.credentials(&login).await.unwrap().is_none());
    }
    assert!(pool.users.summary(first.user_id).await.unwrap().is_none());
    assert!(pool.users.find_by_uid(first.user_id, &uid).await.unwrap().is_none());
    let kept = "SELECT count(*) FROM sessions WHERE ended_at IS NULL OR device_name <> ''";
    assert_eq!(database.number(kept), 0, "no session is open and no device name is left");
    assert!(matches!(pool.users.register(&someone, &device).await.unwrap(), RegisterOutcome::Registered(..)));
    assert_eq!(
        pool.accounts.erase(caller(&second)).await.unwrap(),
        None,
        "a second erasure finds no account"
    );
    assert_eq!(database.number("SELECT count(*) FROM erasures"), 1);
}

#[tokio::test]
async fn an_ended_session_cannot_erase_its_account() {
    let database = Database::new();
    let pool = database.pool();
    let (_, first) = pool.register("alice_01").await;
    let second = login(&pool, &first).await.unwrap();
    pool.sessions.end(first.id, first.user_id, EndReason::Logout).await.unwrap();
    assert_eq!(pool.accounts.erase(caller(&first)).await.unwrap(), None);
    let (_, mallory) = pool.register("mallory_1").await;
    let forged = Caller { user_id: first.user_id, session_id: mallory.id };
    assert_eq!(pool.accounts.erase(forged).await.unwrap(), None);
    assert!(matches!(refresh(&pool, &second).await, RotateOutcome::Rotated(_)));
}

/// Checked before any erasure step has run.
#[tokio::test]
async fn an_erased_account_cannot_be_addressed_on_any_instance() {
    let database = Database::new();
    let (pool, other) = (database.pool(), database.pool());
    let (alice, session) = pool.register("alice_01").await;
    let [bob, carol, dave] = [pool.person("bob_0001"), pool.person("carol_01"), pool.person("dave_001")];
    let (bob, carol, dave) = (bob.await, carol.await, dave.await);
    pool.befriend(alice, bob).await;
    pool.befriend(bob, carol).await;
    let (from_alice, to_alice) = (pool.pending(alice, carol).await, pool.pending(dave, alice).await);
    pool.say(bob, alice, "kept").await;
    pool.accounts.erase(caller(&session)).await.unwrap().unwrap();
    let drafts = vec![
        draft(bob, alice, "too late", None),
        draft(bob, carol, "to a friend", None),
        draft(alice, bob, "too late", None),
    ];
    let refused = SendOutcome::Refused(SendRefusal::NotFriends);
    for pool in [&pool, &other] {
        let outcomes = pool.send_all(drafts.clone()).await;
        assert_eq!((outcomes[0], outcomes[2]), (refused, refused));
        assert!(matches!(outcomes[1], SendOutcome::Sent(_)));
        assert_eq!(pool.ask(bob, alice).await, AskOutcome::UnknownUser);
        assert_eq!(pool.ask(alice, dave).await, AskOutcome::UnknownUser);
        assert!(!pool.blocks.block(directed(bob, alice)).await.unwrap());
        let accept = async |request, caller| pool.requests.answer(request, caller, Answer::Accept).await;
        assert_eq!(accept(from_alice, carol).await.unwrap(), AnswerOutcome::Unknown);
        assert_eq!(accept(to_alice, alice).await.unwrap(), AnswerOutcome::Unknown);
    }
    assert_eq!(database.number("SELECT count(*) FROM friendships"), 4);
}

#[tokio::test]
async fn every_list_shows_an_erased_account_as_erased_at_once() {
    let database = Database::new();
    let pool = database.pool();
    let (alice, session) = pool.register("alice_01").await;
    let (bob, carol) = (pool.person("bob_0001").await, pool.person("carol_01").await);
    pool.befriend(alice, bob).await;
    pool.pending(alice, carol).await;
    pool.say(alice, bob, "kept").await;
    pool.blocks.block(directed(bob, alice)).await.unwrap();
    pool.accounts.erase(caller(&session)).await.unwrap().unwrap();
    let erased = DisplayName::Erased;
    let friends = pool.friendships.list(bob, &FriendPageRequest::default()).await.unwrap().items;
    assert_eq!((&friends[0].friend_name, &friends[0].friend_uid), (&erased, &None));
    let requests =
        pool.requests.list(carol, Direction::Received, &RequestPageRequest::default()).await.unwrap();
    assert_eq!(requests.items[0].peer_name, erased);
    let blocks = pool.blocks.list(bob, &BlockPageRequest::default()).await.unwrap().items;
    assert_eq!((&blocks[0].name, &blocks[0].uid), (&erased, &None));
    let conversations = pool.conversations.list(bob, &ConversationPageRequest::default()).await.unwrap();
    assert_eq!(conversations.items[0].friend_name, erased);
    let window =
        pool.conversations.window(bob, pair(alice, bob).conversation_id(), &WindowRequest::default()).await;
    assert_eq!(window.unwrap().unwrap().friend_name, erased);
}

#[tokio::test]
async fn a_disabled_account_cannot_be_used_but_looks_unchanged() {
    let database = Database::new();
    let pool = database.pool();
    let (alice, session) = pool.register("alice_01").await;
    let bob = pool.person("bob_0001").await;
    pool.befriend(alice, bob).await;
    let friends =
        async || pool.friendships.list(bob, &FriendPageRequest::default()).await.unwrap().items.remove(0);
    let before = friends().await;
    assert_eq!(pool.accounts.disable(alice).await.unwrap(), StateChange::Done(vec![session.id]));
    assert_eq!(pool.accounts.disable(alice).await.unwrap(), StateChange::Done(vec![]));
    assert!(login(&pool, &session).await.is_none());
    assert_eq!(refresh(&pool, &session).await, RotateOutcome::Over);
    assert_eq!(pool.accounts.erase(caller(&session)).await.unwrap(), None);
    assert_eq!(friends().await, before);
    pool.say(bob, alice, "come back").await;
    let uid = Uid::parse("alice_01").unwrap();
    assert!(pool.users.find_by_uid(bob, &uid).await.unwrap().is_some());
    assert_eq!(pool.accounts.enable(alice).await.unwrap(), StateChange::Done(vec![]));
    assert!(login(&pool, &session).await.is_some());
    assert_eq!(refresh(&pool, &session).await, RotateOutcome::Over, "an ended session stays ended");
}

#[tokio::test]
async fn only_an_existing_account_can_be_disabled_or_enabled() {
    let database = Database::new();
    let pool = database.pool();
    let (alice, session) = pool.register("alice_01").await;
    pool.accounts.erase(caller(&session)).await.unwrap().unwrap();
    for unknown in [alice, domain::testing::user(7)] {
        assert_eq!(pool.accounts.disable(unknown).await.unwrap(), StateChange::UnknownUser);
        assert_eq!(pool.accounts.enable(unknown).await.unwrap(), StateChange::UnknownUser);
    }
    assert_eq!(database.number("SELECT count(*) FROM users WHERE state = 'erased'"), 1);
}
