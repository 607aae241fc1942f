use std::time::Duration;

use domain::account::LifecycleRepository;
use domain::auth::{EndReason, SessionRepository};
use domain::block::BlockRepository;
use domain::conversation::ConversationRepository;
use domain::error::{DomainError, ErrorKind, PortError};
use domain::export::{ExportPart, ExportReader, ExportRepository};
use domain::friendship::FriendshipRepository;
use domain::friendship_request::Direction;
use domain::id::UserId;
use domain::message::{ClientMessageId, MessageContent, MessageRepository};
use domain::testing::user;
use infra::postgres::{ExportSettings, PgExportRepository};

use crate::group_commit::eventually;
use crate::support::{Database, PATIENCE, Pool, directed, draft, pair};

async fn open(pool: &Pool, user: UserId) -> Result<Box<dyn ExportReader>, PortError> {
    Ok(pool.exports.open(user).await?.unwrap())
}

async fn rest(mut reader: Box<dyn ExportReader>) -> Vec<ExportPart> {
    let mut parts = Vec::new();
    while let Some(part) = reader.next().await.unwrap() {
        parts.push(part);
    }
    parts
}

/// The messages of an export, conversation by conversation: `seq` and text.
fn histories(parts: &[ExportPart]) -> Vec<Vec<(i64, Option<String>)>> {
    let mut histories = Vec::new();
    for part in parts {
        match part {
            ExportPart::Conversation(_) => histories.push(Vec::new()),
            ExportPart::Messages(messages) => {
                let shown = messages.iter().map(|message| {
                    let content = message.state.clone().into_text().map(MessageContent::into_inner);
                    (message.id.seq.get(), content)
                });
                histories.last_mut().unwrap().extend(shown);
            }
            _ => assert!(histories.is_empty(), "all lists come before the first conversation"),
        }
    }
    histories
}

fn unavailable<T>(result: Result<T, PortError>) -> bool {
    result.is_err_and(|error| matches!(error.kind(), ErrorKind::Unavailable { .. }))
}

fn in_transactions(database: &Database) -> i64 {
    database.number("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'")
}

/// An account with some of everything: two friends, with one cleared conversation and, in the other, a message deleted, one
/// recalled and one sent with a key; requests received and sent; a block; an ended session.
async fn someone(pool: &Pool) -> UserId {
    let (alice, session) = pool.register("alice_01").await;
    let (bob, carol, dave) =
        (pool.person("bob_0001").await, pool.person("carol_01").await, pool.person("dave_001").await);
    pool.befriend(alice, bob).await;
    pool.befriend(carol, alice).await;
    pool.pending(alice, dave).await;
    pool.blocks.block(directed(alice, dave)).await.unwrap();
    pool.say(alice, bob, "one").await;
    let deleted = pool.say(bob, alice, "two").await;
    pool.messages.delete_for(alice, deleted).await.unwrap();
    pool.say(bob, alice, "three").await;
    pool.messages.send(draft(alice, bob, "four", Some("key"))).await.unwrap();
    let recalled = pool.say(alice, bob, "recalled").await;
    pool.messages.recall(recalled, alice, Duration::from_secs(60)).await.unwrap();
    pool.say(carol, alice, "cleared").await;
    pool.conversations.clear(alice, pair(alice, carol).conversation_id()).await.unwrap();
    pool.sessions.end(session.id, alice, EndReason::Logout).await.unwrap();
    alice
}

/// Number of rows of a list in an export.
fn count<'a>(parts: &'a [ExportPart], rows: impl Fn(&'a ExportPart) -> Option<usize>) -> usize {
    parts.iter().filter_map(rows).sum()
}

#[tokio::test]
async fn an_export_holds_what_the_account_owns_and_sees() {
    let database = Database::new();
    let pool = database.pool();
    let alice = someone(&pool).await;
    let parts = rest(open(&pool, alice).await.unwrap()).await;
    assert!(matches!(&parts[0], ExportPart::Account(account) if account.id == alice));
    let sessions =
        count(&parts, |part| if let ExportPart::Sessions(rows) = part { Some(rows.len()) } else { None });
    let friends =
        count(&parts, |part| if let ExportPart::Friends(rows) = part { Some(rows.len()) } else { None });
    let blocks =
        count(&parts, |part| if let ExportPart::Blocks(rows) = part { Some(rows.len()) } else { None });
    assert_eq!((sessions, friends, blocks), (1, 2, 1));
    let requests = |wanted| {
        count(&parts, move |part| match part {
            ExportPart::Requests(direction, rows) if *direction == wanted => Some(rows.len()),
            _ => None,
        })
    };
    assert_eq!((requests(Direction::Received), requests(Direction::Sent)), (1, 2));
    let mut histories = histories(&parts);
    histories.sort_by_key(Vec::len);
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(histories, [vec![], vec![(1, text("one")), (3, text("three")), (4, text("four")), (5, None)]]);
    let messages =
        parts.iter().filter_map(|part| if let ExportPart::Messages(rows) = part { Some(rows) } else { None });
    let keys: Vec<_> = messages.flatten().filter_map(|message| message.client_message_id.clone()).collect();
    assert_eq!(keys.iter().map(ClientMessageId::as_str).collect::<Vec<_>>(), ["key"]);
}

#[tokio::test]
async fn a_long_export_comes_in_parts_and_misses_no_visible_message() {
    let database = Database::new();
    let pool = database.pool();
    let (alice, bob) = (pool.person("alice_01").await, pool.person("bob_0001").await);
    pool.befriend(alice, bob).await;
    let id = pair(alice, bob).conversation_id();
    // Every third message and one long run are deleted; the first messages are cleared.
    database.sql(&format!(
        "INSERT INTO messages (conversation_id, seq, sender_id, sender_ordinal, content, created_at)
         SELECT '{id}', n, '{alice}', n, n::text, now() FROM generate_series(1, 50000) n;
         INSERT INTO message_deletions
         SELECT '{id}', '{alice}', min(n), max(n)
           FROM (SELECT n, n - row_number() OVER (ORDER BY n) AS run FROM generate_series(1, 50000) n
                  WHERE n % 3 = 0 OR n BETWEEN 20000 AND 21000) d
          GROUP BY run;
         UPDATE conversations SET last_seq = 50000, lo_sent = 50000 WHERE id = '{id}';
         UPDATE conversation_members SET cleared_seq = 777, deleted_seq = 49998 WHERE conversation_id = '{id}' AND user_id = '{alice}'"
    ));
    let mut reader = open(&pool, alice).await.unwrap();
    let mut seqs: Vec<i64> = Vec::new();
    while let Some(part) = reader.next().await.unwrap() {
        if let ExportPart::Messages(messages) = part {
            assert!(messages.len() <= 200, "{}", messages.len());
            seqs.extend(messages.iter().map(|message| message.id.seq.get()));
        }
    }
    let expected: Vec<i64> =
        (778..=50_000).filter(|seq| seq % 3 != 0 && !(20_000..=21_000).contains(seq)).collect();
    assert!(seqs == expected, "{} of {}", seqs.len(), expected.len());
}

#[tokio::test]
async fn lists_longer_than_one_part_are_exported_completely() {
    let database = Database::new();
    let pool = database.pool();
    let alice = pool.person("alice_01").await;
    database.sql(&format!(
        "INSERT INTO users (id, uid, name, password_hash)
         SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'friend_' || n, 'n', 'h' FROM generate_series(1, 1200) n;
         INSERT INTO friendships (owner_id, friend_id, friendship_id, created_at)
         SELECT '{alice}', id, id, now() FROM users WHERE uid LIKE 'friend_%';
         INSERT INTO conversations (id, user_lo, user_hi) SELECT id, id, '{alice}' FROM users WHERE uid LIKE 'friend_%';
         INSERT INTO conversation_members (conversation_id, user_id, peer_id)
         SELECT id, '{alice}', id FROM users WHERE uid LIKE 'friend_%';
         INSERT INTO sessions (id, user_id, device_name, rotations, created_at, last_used_at)
         SELECT id, '{alice}', 'd', '{{}}', now(), now() FROM users WHERE uid LIKE 'friend_%'"
    ));
    let parts = rest(open(&pool, alice).await.unwrap()).await;
    let sizes =
        |wanted: fn(&ExportPart) -> Option<usize>| parts.iter().filter_map(wanted).collect::<Vec<_>>();
    let friends = sizes(|part| if let ExportPart::Friends(rows) = part { Some(rows.len()) } else { None });
    assert_eq!(friends, [500, 500, 200]);
    let sessions = sizes(|part| if let ExportPart::Sessions(rows) = part { Some(rows.len()) } else { None });
    assert_eq!(sessions, [500, 500, 201]);
    assert_eq!(histories(&parts).len(), 1200);
}

#[tokio::test]
async fn an_export_is_a_consistent_snapshot() {
    let database = Database::new();
    let pool = database.pool();
    let (alice, session) = pool.register("alice_01").await;
    let bob = pool.person("bob_0001").await;
    pool.befriend(alice, bob).await;
    pool.say(bob, alice, "before").await;
    let before = rest(open(&pool, alice).await.unwrap()).await;
    let mut reader = open(&pool, alice).await.unwrap();
    reader.next().await.unwrap();
    pool.say(bob, alice, "after").await;
    pool.friendships.remove(directed(bob, alice)).await.unwrap();
    let caller = domain::auth::Caller { user_id: alice, session_id: session.id };
    pool.accounts.erase(caller).await.unwrap().unwrap();
    assert_eq!(rest(reader).await, before[1..]);
    assert!(pool.exports.open(alice).await.unwrap().is_none(), "by now the account is erased");
    assert!(pool.exports.open(user(7)).await.unwrap().is_none());
}

#[tokio::test]
async fn concurrent_exports_are_limited_and_release_their_slots() {
    let database = Database::new();
    let pool = database.pool();
    let (alice, bob, carol) =
        (pool.person("alice_01").await, pool.person("bob_0001").await, pool.person("carol_01").await);
    let first = open(&pool, alice).await.unwrap();
    let second = open(&pool, bob).await.unwrap();
    assert!(unavailable(pool.exports.open(carol).await), "none becomes free in time");
    assert_eq!(in_transactions(&database), 2, "each has its own connection");
    drop(first);
    rest(open(&pool, carol).await.unwrap()).await;
    drop(second);
    while in_transactions(&database) > 0 {
        tokio::task::yield_now().await;
    }
    open(&pool, alice).await.unwrap();
}

#[tokio::test]
async fn an_export_waits_for_its_turn() {
    let database = Database::new();
    let pool = database.pool();
    let (alice, bob) = (pool.person("alice_01").await, pool.person("bob_0001").await);
    let settings = ExportSettings { at_once: 1, slot_wait: PATIENCE.thread, deadline: PATIENCE.thread };
    let exports = PgExportRepository::start(&database.db(1), settings).unwrap();
    let first = exports.open(alice).await.unwrap().unwrap();
    let (second, ()) = tokio::join!(exports.open(bob), async {
        // Polled after the other one, which waits by now.
        drop(first);
    });
    second.unwrap().unwrap();
}

#[tokio::test]
async fn an_export_fails_when_its_connection_is_lost() {
    let database = Database::new();
    let pool = database.pool();
    let alice = pool.person("alice_01").await;
    let mut reader = open(&pool, alice).await.unwrap();
    reader.next().await.unwrap();
    database.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'");
    assert!(unavailable(reader.next().await));
    assert!(reader.next().await.is_err(), "a failure is not taken for the end");
}

#[tokio::test]
async fn an_export_fails_when_it_takes_too_long() {
    let database = Database::new();
    let pool = database.pool();
    let alice = pool.person("alice_01").await;
    let db = database.db(1);
    let hasty = ExportSettings { at_once: 1, slot_wait: Duration::ZERO, deadline: Duration::ZERO };
    let exports = PgExportRepository::start(&db, hasty).unwrap();
    let mut reader = exports.open(alice).await.unwrap().unwrap();
    assert!(unavailable(reader.next().await));
    eventually("its connection is not released", || in_transactions(&database) == 0).await;
}
