//! What the decoders let through, at its extremes: no statement fails by a value of its input.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::account::{Nickname, ProfileChange, UserRepository};
use domain::auth::{
    DeviceName, NewSession, SessionCursor, SessionLimits, SessionPageRequest, SessionRepository,
};
use domain::block::{BlockCursor, BlockPageRequest, BlockRepository};
use domain::conversation::{
    ConversationCursor, ConversationPageRequest, ConversationRepository, WindowAnchor, WindowRequest,
};
use domain::friendship::{FriendCursor, FriendPageRequest, FriendshipRepository, Remark};
use domain::friendship_request::{
    AskOutcome, Direction, FriendshipRequestRepository, NewRequest, RequestCursor, RequestPageRequest,
    RequestRules, VerificationMessage,
};
use domain::id::{ConversationId, RequestId, SessionId, UserId};
use domain::message::{
    ClientMessageId, Draft, MessageBody, MessageContent, MessageId, MessageRepository, Seq,
};
use domain::search::{SearchCursor, SearchPageRequest, SearchRepository, SearchRequest, SearchTerm};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use uuid::Uuid;

use crate::bulk_data::{conversation, person};
use crate::sessions::hash;
use crate::support::{Database, Pool, directed};

const SEQS: [i64; 7] = [0, 1, 31, 32, 33, i64::MAX - 1, i64::MAX];

/// The ends of what a cursor may have: the years 2000 and 2199.
fn times() -> [DateTime<Utc>; 2] {
    [946_684_800_000_000, 7_258_118_399_999_999]
        .map(|micros| DateTime::from_timestamp_micros(micros).unwrap())
}

const IDS: [Uuid; 2] = [Uuid::nil(), Uuid::max()];

/// Two friends, with deletions of both shapes, a recall, and a part of the history cleared.
fn database() -> Database {
    let database = Database::new();
    database.populate(2);
    database.histories(&[(1, 2, 100)]);
    database.delete_for(1, 2, "40, 60");
    database.delete_for(1, 2, "70, 98, 2");
    database.recall(1, 2, "80, 85");
    database.sql("UPDATE conversation_members SET cleared_seq = 10");
    database
}

async fn lists(pool: &Pool, created_at: DateTime<Utc>, id: Uuid) {
    let (me, user) = (person(1), UserId::from_uuid(id));
    for limit in [1, 100] {
        for pinned in [false, true] {
            let after =
                ConversationCursor { pinned, updated_at: created_at, id: ConversationId::from_uuid(id) };
            let page = ConversationPageRequest::parse(Some(limit), Some(after)).unwrap();
            pool.conversations.list(me, &page).await.unwrap();
        }
        let page = FriendPageRequest::parse(Some(limit), Some(FriendCursor { created_at, friend_id: user }));
        pool.friendships.list(me, &page.unwrap()).await.unwrap();
        let page = BlockPageRequest::parse(Some(limit), Some(BlockCursor { created_at, user_id: user }));
        pool.blocks.list(me, &page.unwrap()).await.unwrap();
        let after = RequestCursor { created_at, id: RequestId::from_uuid(id) };
        let page = RequestPageRequest::parse(Some(limit), Some(after)).unwrap();
        for direction in [Direction::Received, Direction::Sent] {
            pool.requests.list(me, direction, &page).await.unwrap();
        }
        let after = SessionCursor { created_at, id: SessionId::from_uuid(id) };
        let page = SessionPageRequest::parse(Some(limit), Some(after)).unwrap();
        let limits = SessionLimits { life: Duration::MAX, idle: Duration::MAX };
        pool.sessions.list(me, limits, &page).await.unwrap();
        for seq in SEQS {
            let message = MessageId { conversation: ConversationId::from_uuid(id), seq: Seq::new(seq) };
            let page = SearchPageRequest::parse(Some(limit), Some(SearchCursor { created_at, message }));
            let term = SearchTerm::parse("message").unwrap();
            let request = SearchRequest { term, conversation: None, page: page.unwrap() };
            pool.search.find(me, &request).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_cursor_that_a_decoder_accepts_fails_a_statement() {
    let database = database();
    let pool = database.pool();
    for created_at in times() {
        for id in IDS {
            lists(&pool, created_at, id).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_seq_that_a_decoder_accepts_fails_a_statement() {
    let database = database();
    let pool = database.pool();
    for who in [1, 2] {
        for seq in SEQS.map(Seq::new) {
            for anchor in [WindowAnchor::Newest, WindowAnchor::Before(seq), WindowAnchor::After(seq)] {
                for limit in [1, 200] {
                    let request = WindowRequest::parse(anchor, Some(limit)).unwrap();
                    pool.conversations.window(person(who), conversation(1, 2), &request).await.unwrap();
                }
            }
            for id in [conversation(1, 2), ConversationId::from_uuid(Uuid::max())] {
                let message = MessageId { conversation: id, seq };
                pool.messages.recall(message, person(who), Duration::MAX).await.unwrap();
                pool.messages.delete_for(person(who), message).await.unwrap();
                pool.conversations.mark_read(person(who), id, seq).await.unwrap();
            }
        }
    }
}

/// Texts that an encoding, an array, a pattern or a literal could stumble over, the longest ones, and arbitrary ones.
fn texts() -> Vec<String> {
    let mut texts = [
        "\u{1}a\u{7f}\u{80}\u{9f}",
        "\u{d7ff}\u{e000}\u{fffe}\u{ffff}\u{10ffff}",
        "e\u{301}\u{fe0f}\u{200d}\u{202e}ß\u{130}ı",
        r"\ \\ \x00 \000 \u0000 \%",
        "%_ [a-z]* (?= $1 ''; --",
        r#"{"a",NULL,{}} "#,
        "infinity -infinity NaN 1e999",
    ]
    .map(str::to_owned)
    .to_vec();
    texts.extend([64, 128, 200, 5000].map(|length| "\u{10fffd}".repeat(length)));
    let arbitrary = proptest::collection::vec(proptest::char::any(), 1..64);
    let mut runner = TestRunner::deterministic();
    texts.extend((0..200).map(|_| arbitrary.new_tree(&mut runner).unwrap().current().into_iter().collect()));
    texts
}

/// Feeds a text to every port that takes one, if its decoder accepts it; returns how many did.
async fn store(pool: &Pool, [me, friend, stranger]: [UserId; 3], text: &str) -> usize {
    let mut accepted = 0;
    let device = DeviceName::from_user_agent(text);
    let login = NewSession { user_id: me, verified_hash: hash("no hash"), device, most_open: None };
    pool.sessions.open(&login).await.unwrap().unwrap();
    if let Ok(content) = MessageContent::parse(text.to_owned()) {
        let key = ClientMessageId::parse(text.to_owned()).ok();
        accepted += 1 + usize::from(key.is_some());
        let body = MessageBody::Text(content);
        let draft = Draft { from: directed(me, friend), body, client_message_id: key, over_quota: None };
        pool.messages.send(draft).await.unwrap();
    }
    if let Ok(remark) = Remark::parse(text) {
        accepted += 1;
        pool.friendships.set_remark(directed(me, friend), &remark).await.unwrap();
    }
    if let Ok(message) = VerificationMessage::parse(text) {
        accepted += 1;
        let (from, time_to_live) = (directed(me, stranger), Duration::from_secs(3600));
        let rules = RequestRules { time_to_live, per_day: None, per_pair_and_day: None };
        let AskOutcome::Created(id) = pool.ask_with(&NewRequest { from, message, rules }).await else {
            panic!()
        };
        pool.requests.withdraw(id, me).await.unwrap();
    }
    if let Ok(name) = Nickname::parse(text) {
        accepted += 1;
        let change = ProfileChange { name: Some(name), ..ProfileChange::default() };
        pool.users.change_profile(me, &change).await.unwrap();
    }
    if let Ok(term) = SearchTerm::parse(text) {
        accepted += 1;
        let page = SearchPageRequest::parse(None, None).unwrap();
        pool.search.find(me, &SearchRequest { term, conversation: None, page }).await.unwrap();
    }
    accepted
}

#[tokio::test(flavor = "multi_thread")]
async fn no_text_that_a_decoder_accepts_fails_a_statement() {
    let database = Database::new();
    let pool = database.pool();
    let mut people = Vec::new();
    for uid in ["alice_01", "bob_0001", "carol_01"] {
        people.push(pool.person(uid).await);
    }
    pool.befriend(people[0], people[1]).await;
    let mut most = 0;
    for text in texts() {
        most = most.max(store(&pool, [people[0], people[1], people[2]], &text).await);
    }
    assert_eq!(most, 6, "every decoder accepts some text");
}
