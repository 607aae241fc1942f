//! Round trips to the database: hot paths take one, or as many for a hundred items as for one.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use domain::account::{LoginIdentifier, Uid, UserRepository};
use domain::auth::{
    Caller, RotateOutcome, SessionCursor, SessionLimits, SessionPageRequest, SessionRepository,
};
use domain::block::{BlockPageRequest, BlockRepository};
use domain::conversation::{ConversationPageRequest, ConversationRepository, WindowAnchor, WindowRequest};
use domain::friendship::{FriendPageRequest, FriendshipRepository};
use domain::friendship_request::{Direction, FriendshipRequestRepository, RequestPageRequest};
use domain::id::SessionId;
use domain::login_throttle::{AttemptResult, EnteredIdentifier, LoginThrottle, ThrottleKey};
use domain::message::{SendOutcome, Seq};
use domain::testing::at;
use infra::postgres::SendQueueSettings;

use crate::bulk_data::{conversation, person};
use crate::group_commit::{Sending, accepted, send, stop_the_writer};
use crate::sessions::order;
use crate::support::{Database, Pool, draft};
use crate::wire_tap::{ClientMessage, WireTap};

pub(crate) const ONE_WRITER: SendQueueSettings =
    SendQueueSettings { writers: 1, queue: 1024, max_wait: Duration::from_secs(60) };

/// A user with three hundred friends and histories of one to a thousand messages.
fn hub() -> Database {
    let database = Database::new();
    database.populate(301);
    let histories: Vec<_> = (2..=301).map(|friend| (1, friend, if friend == 2 { 1000 } else { 3 })).collect();
    database.histories(&histories);
    database.delete_for(1, 2, "1, 999, 3");
    database.recall(1, 2, "2, 998, 7");
    database
}

/// Whether a statement sets up a new connection.
fn sets_up(sql: &str) -> bool {
    sql.trim_start().starts_with("SET ")
}

/// The statements executed since the last call, and their round trips. Preparing a statement for the first time and
/// setting up a connection do not count.
fn run(wire: &WireTap) -> Vec<String> {
    let run = |(_, asked)| match asked {
        ClientMessage::Run(sql) | ClientMessage::Plain(sql) => Some(sql).filter(|sql| !sets_up(sql)),
        ClientMessage::Prepare(_) => None,
    };
    wire.client_messages().into_iter().filter_map(run).collect()
}

fn windows() -> Vec<WindowRequest> {
    let anchors =
        [WindowAnchor::Newest, WindowAnchor::Before(Seq::new(700)), WindowAnchor::After(Seq::new(5))];
    let each_limit = |anchor| [1, 50, 200].map(|limit| WindowRequest::parse(anchor, Some(limit)).unwrap());
    anchors.into_iter().flat_map(each_limit).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_page_and_a_conversation_list_take_one_round_trip() {
    let database = hub();
    let wire = WireTap::tap(database.url());
    let pool = database.pool_at(wire.url(), ONE_WRITER);
    for request in windows() {
        for friend in [2, 3] {
            let seen = pool.conversations.window(person(1), conversation(1, friend), &request).await.unwrap();
            assert!(!seen.unwrap().messages.is_empty() || friend == 3);
            // With the second user, the page is read again among deleted messages.
            let expected = if friend == 2 { 1..=2 } else { 1..=1 };
            assert!(expected.contains(&run(&wire).len()), "{friend}: {request:?}");
        }
    }
    for limit in [1, 20, 1000] {
        let page = ConversationPageRequest::parse(Some(limit), None).unwrap();
        let first = pool.conversations.list(person(1), &page).await.unwrap();
        assert_eq!(i64::try_from(first.items.len()).unwrap(), limit.min(300));
        assert_eq!(run(&wire).len(), 1, "a list of {limit}");
        if let Some(after) = first.next {
            let page = ConversationPageRequest { after: Some(after), ..page };
            pool.conversations.list(person(1), &page).await.unwrap();
            assert_eq!(run(&wire).len(), 1, "a further list of {limit}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_batch_takes_as_many_round_trips_as_one_message() {
    let database = hub();
    let wire = WireTap::tap(database.url());
    let pool = database.pool_at(wire.url(), ONE_WRITER);
    let single = send(&pool, person(1), person(2), "alone", Some("key")).await.unwrap().unwrap();
    assert!(matches!(single, SendOutcome::Sent(_)));
    let alone = run(&wire);
    assert_eq!(alone.len(), 5, "BEGIN, lock, known keys, store, COMMIT: {alone:#?}");
    let (holder, first) =
        stop_the_writer(&database, &pool, || send(&pool, person(1), person(2), "first", Some("first"))).await;
    let history = |number: u128| {
        let (sender, receiver) = if number.is_multiple_of(2) { (1, number + 2) } else { (number + 2, 1) };
        send(&pool, person(sender), person(receiver), "together", Some(&format!("key {number}")))
    };
    let many: Vec<Sending> = (1..=120).map(history).collect();
    accepted(&pool, 122).await;
    drop(holder);
    for sending in std::iter::once(first).chain(many) {
        assert!(matches!(sending.await.unwrap().unwrap(), SendOutcome::Sent(_)));
    }
    let (batches, drafts) = (pool.send_batches(), pool.batched_drafts());
    assert_eq!((batches, drafts), (3, 122), "one alone, one blocked, and all others in one batch");
    assert_eq!(run(&wire), [alone.clone(), alone].concat());
}

/// Every frequent client request, with varying parameters.
async fn live(pool: &Arc<Pool>, time: u128) {
    let friend = 2 + time;
    let limit = i64::try_from(time).unwrap() + 1;
    let request = windows()[usize::try_from(time).unwrap() % windows().len()];
    pool.conversations.window(person(1), conversation(1, friend), &request).await.unwrap();
    let mut page = ConversationPageRequest::parse(Some(limit), None).unwrap();
    page.after = pool.conversations.list(person(1), &page).await.unwrap().next;
    pool.conversations.list(person(1), &page).await.unwrap();
    let mut friends = FriendPageRequest::parse(Some(limit), None).unwrap();
    friends.after = pool.friendships.list(person(1), &friends).await.unwrap().next;
    pool.friendships.list(person(1), &friends).await.unwrap();
    let requests = RequestPageRequest::parse(Some(limit), None).unwrap();
    pool.requests.list(person(1), Direction::Received, &requests).await.unwrap();
    pool.requests.list(person(1), Direction::Sent, &requests).await.unwrap();
    pool.blocks.list(person(1), &BlockPageRequest::default()).await.unwrap();
    pool.conversations.mark_read(person(1), conversation(1, friend), Seq::new(limit)).await.unwrap();
    let drafts =
        (0..=time).map(|more| draft(person(1), person(2 + more), "hi", Some(&format!("{time}/{more}"))));
    pool.send_all(drafts.collect()).await;
    pool.users.summary(person(1)).await.unwrap();
    let uid = Uid::parse(&format!("person_{friend}")).unwrap();
    pool.users.find_by_uid(person(1), &uid).await.unwrap();
    pool.users.credentials(&LoginIdentifier::Uid(uid)).await.unwrap();
    log_in(pool, friend).await;
}

/// Login attempts and session queries.
async fn log_in(pool: &Arc<Pool>, number: u128) {
    let typed = EnteredIdentifier::Uid(format!("person_{number}"));
    let keys =
        [ThrottleKey::of(&typed), ThrottleKey::Session(SessionId::from_uuid(uuid::Uuid::from_u128(1)))];
    for result in [AttemptResult::Unverified, AttemptResult::Correct] {
        pool.throttle.count(&keys).await.unwrap();
        pool.throttle.count(&keys).await.unwrap();
        pool.throttle.release(&keys, result).await.unwrap();
    }
    let open_for = SessionLimits { life: Duration::from_secs(900), idle: Duration::from_secs(900) };
    let mut page = SessionPageRequest::default();
    pool.sessions.list(person(1), open_for, &page).await.unwrap();
    let id = SessionId::from_uuid(uuid::Uuid::from_u128(number));
    page.after = Some(SessionCursor { created_at: at(0), id });
    pool.sessions.list(person(1), open_for, &page).await.unwrap();
    pool.sessions.is_open(Caller { user_id: person(1), session_id: id }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_prepares_each_statement_once() {
    let database = hub();
    let wire = WireTap::tap(database.url());
    let pool = database.pool_at(wire.url(), ONE_WRITER);
    let mut session = pool.log_in(person(1), "no hash").await.unwrap();
    for time in 0..20 {
        live(&pool, time).await;
        let refreshed = pool.sessions.rotate(&order(&session)).await.unwrap();
        let RotateOutcome::Rotated(next) = refreshed else { panic!("{refreshed:?}") };
        session = next;
    }
    let (mut prepared, mut runs, mut named) = (HashSet::new(), 0, HashSet::new());
    for (connection, asked) in wire.client_messages() {
        match asked {
            ClientMessage::Prepare(sql) => {
                assert!(prepared.insert((connection, sql.clone())), "prepared again: {sql}");
                named.insert(sql);
            }
            ClientMessage::Run(_) => runs += 1,
            ClientMessage::Plain(sql) => {
                let is_frame =
                    ["BEGIN", "COMMIT", "SAVEPOINT", "RELEASE"].iter().any(|word| sql.starts_with(word));
                assert!(is_frame || sets_up(&sql), "parsed at every call: {sql}");
            }
        }
    }
    assert!(runs > 5 * prepared.len(), "{runs} runs of {} prepared statements", prepared.len());
    assert!(named.len() < 40, "the text of a statement depends on its parameters: {named:#?}");
}
