//! People who have used it for years: what they see is right, and what it costs does not grow with their past.
//!
//! Work is measured in rows and pages that PostgreSQL has looked at, which are the same on every machine.

use domain::conversation::{
    ConversationPage, ConversationPageRequest, ConversationRepository, ConversationWindow, WindowAnchor,
    WindowLimit, WindowRequest,
};
use domain::id::ConversationId;
use domain::message::Seq;
use domain::page::PageLimit;

use crate::crowd::{Talk, conversation, person};
use crate::explained::{Explained, Plan};
use crate::support::Ground;

const ALICE: u128 = 1;
const BOB: u128 = 2;

/// Alice and Bob, who have exchanged so many messages.
fn two_who_talked(messages: usize) -> Ground {
    let ground = Ground::new();
    ground.populate(2);
    ground.talks(&[(ALICE, BOB, messages)]);
    ground
}

async fn open(explained: &Explained, who: u128, anchor: WindowAnchor) -> (ConversationWindow, Plan) {
    let request = WindowRequest { anchor, limit: WindowLimit::default() };
    let conversations = &explained.pool.conversations;
    let (window, plan) =
        explained.plan(conversations.window(person(who), conversation(ALICE, BOB), &request)).await;
    (window.unwrap().unwrap(), plan)
}

async fn list(explained: &Explained, who: u128, page: ConversationPageRequest) -> (ConversationPage, Plan) {
    let (page, plan) = explained.plan(explained.pool.conversations.list(person(who), &page)).await;
    (page.unwrap(), plan)
}

/// The places of the messages that a window shows.
fn places(window: &ConversationWindow) -> Vec<i64> {
    window.messages.iter().map(|message| message.id.seq.get()).collect()
}

#[tokio::test]
async fn a_thousand_conversations_are_paged_at_a_bounded_cost() {
    const FRIENDS: u128 = 1000;
    let ground = Ground::new();
    ground.populate(1 + usize::try_from(FRIENDS).unwrap());
    let friends = 2..FRIENDS + 2;
    ground.talks(&friends.clone().map(|friend| (ALICE, friend, 6)).collect::<Vec<Talk>>());
    // The last three are on top, and every tenth has the newest message deleted.
    let pinned = [FRIENDS - 1, FRIENDS, FRIENDS + 1];
    for friend in pinned {
        let id = conversation(ALICE, friend);
        ground.sql(&format!("UPDATE conversation_members SET pinned = true WHERE conversation_id = '{id}'"));
    }
    for friend in friends.clone().step_by(10) {
        ground.delete_for(ALICE, friend, "6, 6");
    }
    ground.analyze();
    let explained = Explained::pool(&ground);
    let mut found: Vec<ConversationId> = Vec::new();
    let mut page = ConversationPageRequest { limit: PageLimit::parse(20).unwrap(), after: None };
    loop {
        let (shown, plan) = list(&explained, ALICE, page.clone()).await;
        assert!(shown.items.iter().all(|summary| summary.unread_count <= 3 && summary.unread_count >= 2));
        found.extend(shown.items.iter().map(|summary| summary.id));
        // All of one's conversations are sorted; only what is shown is looked into.
        assert_eq!(plan.rows_read("conversation_members"), 1000.0);
        let read = plan.rows_read("messages");
        assert!(read <= 42.0, "{read}");
        assert!(plan.pages() <= 4000, "{plan:?}");
        page.after = shown.next;
        if page.after.is_none() {
            break;
        }
    }
    let unpinned = friends.filter(|friend| !pinned.contains(friend));
    let expected: Vec<_> =
        pinned.into_iter().chain(unpinned).map(|friend| conversation(ALICE, friend)).collect();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn ten_thousand_deleted_messages_are_skipped_in_one_scan() {
    let ground = two_who_talked(20_000);
    ground.delete_for(ALICE, BOB, "10001, 20000");
    // Others have deleted as much, or else the whole table would be hers.
    for other in 3..23 {
        ground.delete_for(other, other + 1, "1, 10000");
    }
    ground.analyze();
    let explained = Explained::pool(&ground);
    let (window, plan) = open(&explained, ALICE, WindowAnchor::Newest).await;
    assert_eq!(places(&window), (9951..=10_000).collect::<Vec<_>>());
    assert!(window.has_more);
    // Each deleted message and each deletion is looked at once, and never one for each of the other.
    assert_eq!(plan.rows_read("messages"), 10_051.0);
    assert_eq!(plan.rows_read("message_deletions"), 10_000.0);
    assert!(plan.pages() < 600, "{plan:?}");
    let (shown, plan) = list(&explained, ALICE, ConversationPageRequest::default()).await;
    assert_eq!(shown.items[0].last_message.as_ref().unwrap().id.seq, Seq::new(10_000));
    assert_eq!(shown.items[0].unread_count, 5000);
    assert!(plan.pages() < 50_000, "{plan:?}");
    // To the other, nothing has happened.
    let (window, plan) = open(&explained, BOB, WindowAnchor::Newest).await;
    assert_eq!(places(&window), (19_951..=20_000).collect::<Vec<_>>());
    assert_eq!(plan.rows_read("messages"), 51.0);
    // Nor does it cost anything on pages behind it.
    let (_, plan) = open(&explained, ALICE, WindowAnchor::Before(Seq::new(10_001))).await;
    assert_eq!((plan.rows_read("messages"), plan.rows_read("message_deletions")), (51.0, 0.0));
}

#[tokio::test]
async fn with_every_second_message_deleted_a_page_reads_two_pages() {
    let ground = two_who_talked(20_000);
    ground.delete_for(ALICE, BOB, "1, 20000, 2");
    ground.analyze();
    let explained = Explained::pool(&ground);
    let (window, plan) = open(&explained, ALICE, WindowAnchor::Newest).await;
    assert_eq!(places(&window), (19_901..=20_000).filter(|seq| seq % 2 == 0).collect::<Vec<_>>());
    assert!(plan.rows_read("messages") <= 102.0);
    assert!(plan.pages() < 300, "{plan:?}");
}

#[tokio::test]
async fn a_page_anywhere_in_300000_messages_costs_one_page() {
    let ground = two_who_talked(300_000);
    ground.analyze();
    let explained = Explained::pool(&ground);
    let anchors = [
        (WindowAnchor::Newest, 299_951..=300_000),
        (WindowAnchor::Before(Seq::new(150_001)), 149_951..=150_000),
        (WindowAnchor::After(Seq::new(150_000)), 150_001..=150_050),
        (WindowAnchor::Before(Seq::new(51)), 1..=50),
        (WindowAnchor::After(Seq::NONE), 1..=50),
    ];
    for (anchor, expected) in anchors {
        let (window, plan) = open(&explained, ALICE, anchor).await;
        assert_eq!(places(&window), expected.collect::<Vec<_>>());
        assert!(plan.rows_read("messages") <= 51.0, "{anchor:?}: {plan:?}");
        assert!(plan.pages() <= 40, "{anchor:?}: {plan:?}");
    }
}

#[tokio::test]
async fn unread_is_exact_with_10000_recalls_and_free_once_read() {
    let ground = two_who_talked(20_000);
    ground.recall(ALICE, BOB, "10001, 20000");
    ground.delete_for(ALICE, BOB, "9991, 10010");
    ground.analyze();
    let explained = Explained::pool(&ground);
    let (shown, plan) = list(&explained, ALICE, ConversationPageRequest::default()).await;
    // Of Bob's first 5,000 ones five are deleted; of those that both deleted and recalled are, none counts twice.
    assert_eq!(shown.items[0].unread_count, 4995);
    assert!(plan.rows_read("messages") <= 10_030.0, "{plan:?}");
    assert!(plan.pages() < 1500, "{plan:?}");
    let mark =
        explained.pool.conversations.mark_read(person(ALICE), conversation(ALICE, BOB), Seq::new(20_000));
    let (position, plans) = explained.plans(mark).await;
    assert_eq!(position.unwrap().unwrap().unread_count, 0);
    assert!(plans.iter().all(|plan| plan.pages() <= 20), "{plans:?}");
    let (shown, plan) = list(&explained, ALICE, ConversationPageRequest::default()).await;
    assert_eq!(shown.items[0].unread_count, 0);
    assert_eq!(plan.rows_read("messages"), 1.0, "{plan:?}");
}
