use std::sync::Arc;

use async_trait::async_trait;
use pollster::block_on;
use uuid::Uuid;

use super::*;
use crate::account::DisplayName;
use crate::conversation::ConversationSummary;
use crate::error::{InvalidValue, Rule};
use crate::friendship::Remark;
use crate::id::{ConversationId, UserId};
use crate::message::Seq;
use crate::testing::{assert_fault, at, counted_texts, fault, user};

struct NoSignals;

struct Never;

#[async_trait]
impl ChangeListener for Never {
    async fn changed(&mut self) {
        std::future::pending::<()>().await;
    }

    fn covered(&self) -> Option<ReadPoint> {
        None
    }
}

impl ChangeSignals for NoSignals {
    fn listen(&self, _account: UserId) -> Box<dyn ChangeListener> {
        Box::new(Never)
    }

    fn follow(&self, _account: UserId) -> Box<dyn ChangeListener> {
        Box::new(Never)
    }
}

fn point() -> ReadPoint {
    ReadPoint::of_snapshot(Uuid::from_u128(5), 9, vec![7])
}

fn page() -> SyncPage {
    let (conversations, stale) = (Vec::new(), Vec::new());
    SyncPage { point: point(), reset: false, conversations, stale, unread_total: 0, next: None }
}

fn service(reader: MockChangeReader, read_receipts: bool) -> SyncService {
    SyncService::new(Arc::new(reader), Arc::new(NoSignals), read_receipts)
}

#[test]
fn a_cursor_of_another_account_or_of_other_read_receipts_is_of_no_use() {
    let service = service(MockChangeReader::new(), true);
    let place = SyncPlace::Point(point());
    let cursor = service.cursor(user(1), place.clone());
    assert_eq!(service.from(user(1), &cursor), SyncFrom::Place(place));
    assert_eq!(service.from(user(2), &cursor), SyncFrom::Lost);
    assert_eq!(service.from(user(1), &SyncCursor { read_receipts: false, ..cursor }), SyncFrom::Lost);
}

#[test]
fn the_callers_own_changes_are_read_and_faults_are_passed_on() {
    let limit = SyncRequest::parse_limit(Some(3)).unwrap();
    let request = SyncRequest { from: SyncFrom::Nothing, limit, read_receipts: false };
    let mut reader = MockChangeReader::new();
    reader
        .expect_read()
        .withf(move |who, asked| *who == user(1) && *asked == request)
        .times(1)
        .returning(|_, _| Ok(page()));
    reader.expect_read().returning(|_, _| Err(fault()));
    let service = service(reader, false);
    assert!(block_on(service.read(user(1), SyncFrom::Nothing, limit)).unwrap().is_empty());
    assert_fault(block_on(service.read(user(1), SyncFrom::Nothing, limit)));
}

#[test]
fn a_point_ends_before_an_open_transaction_that_it_cannot_name() {
    let lineage = Uuid::from_u128(5);
    let few = ReadPoint::of_snapshot(lineage, 90, vec![30, 20]);
    assert_eq!((few.xmin(), few.xmax, few.seen, few.open), (20, 90, 90, vec![20, 30]));
    let none = ReadPoint::of_snapshot(lineage, 90, Vec::new());
    assert_eq!((none.xmin(), none.xmax), (90, 90));
    let many = ReadPoint::of_snapshot(lineage, 90, (10..80).rev().collect());
    assert_eq!((many.xmin(), many.xmax, many.seen, many.open.len()), (10, 34, 90, 24));
    assert_eq!(many.open.last(), Some(&33));
}

#[test]
fn a_page_has_1_to_200_conversations() {
    assert_eq!(SyncRequest::parse_limit(None).unwrap().get(), 200);
    for limit in [0, 201, i64::MAX, i64::MIN] {
        let refused = Err(InvalidValue::new(Rule::Range { min: 1, max: 200 }));
        assert_eq!(SyncRequest::parse_limit(Some(limit)), refused);
    }
}

#[test]
fn a_page_is_empty_unless_it_tells_something() {
    assert!(page().is_empty());
    assert!(!SyncPage { reset: true, ..page() }.is_empty());
    assert!(!SyncPage { stale: StaleList::ALL.to_vec(), ..page() }.is_empty());
}

#[test]
fn each_list_has_the_name_that_clients_know() {
    let names = StaleList::ALL.map(StaleList::name);
    assert_eq!(names, ["friendships", "friendship_requests", "blocks", "me", "sessions"]);
}

#[test]
fn the_size_of_a_changed_conversation_counts_the_texts_of_its_entry() {
    let entry = ConversationSummary {
        id: ConversationId::from_uuid(Uuid::from_u128(3)),
        friend_id: user(2),
        friend_uid: None,
        friend_name: DisplayName::Erased,
        remark: Remark::parse("老王").unwrap(),
        is_friend: true,
        blocked: false,
        peer_read_seq: None,
        unread_count: 0,
        last_message: None,
        last_seq: Seq::new(9),
        read_seq: Seq::new(4),
        updated_at: at(4),
        pinned: false,
        muted: false,
    };
    let changed = |entry| SyncedConversation {
        entry,
        cleared_seq: Seq::new(0),
        hidden: false,
        recalled: Vec::new(),
        deleted: Vec::new(),
    };
    assert_eq!(counted_texts(&changed(entry.clone())), counted_texts(&entry));
    assert!(counted_texts(&entry).contains(&"老王".to_owned()));
}
