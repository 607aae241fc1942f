//! What the decoders let through, at its extremes: no statement fails by a value of its input.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::auth::{SessionCursor, SessionLimits, SessionPageRequest, SessionRepository};
use domain::block::{BlockCursor, BlockPageRequest, BlockRepository};
use domain::conversation::{
    ConversationCursor, ConversationPageRequest, ConversationRepository, WindowAnchor, WindowRequest,
};
use domain::friendship::{FriendCursor, FriendPageRequest, FriendshipRepository};
use domain::friendship_request::{Direction, FriendshipRequestRepository, RequestCursor, RequestPageRequest};
use domain::id::{ConversationId, RequestId, SessionId, UserId};
use domain::message::{MessageId, MessageRepository, Seq};
use domain::search::{SearchCursor, SearchPageRequest, SearchRepository, SearchRequest, SearchTerm};
use uuid::Uuid;

use crate::bulk_data::{conversation, person};
use crate::support::{Database, Pool};

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
