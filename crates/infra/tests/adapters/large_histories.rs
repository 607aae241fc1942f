//! Users with years of history: the results are right, and the cost does not grow with the history.
//!
//! The cost is the number of rows and pages that PostgreSQL reads, which is the same on every machine.

use domain::account::UserRepository;
use domain::conversation::{
    ConversationPage, ConversationPageRequest, ConversationRepository, ConversationWindow, WindowAnchor,
    WindowRequest,
};
use domain::id::ConversationId;
use domain::message::Seq;

use crate::bulk_data::{History, conversation, person};
use crate::explain::{ExplainingPool, Plan};
use crate::support::Database;

const ALICE: u128 = 1;
const BOB: u128 = 2;

/// Alice and Bob, who have exchanged this many messages.
fn two_friends_with(messages: usize) -> Database {
    let database = Database::new();
    database.populate(2);
    database.histories(&[(ALICE, BOB, messages)]);
    database
}

async fn open(explained: &ExplainingPool, who: u128, anchor: WindowAnchor) -> (ConversationWindow, Plan) {
    let request = WindowRequest::from_anchor(anchor);
    let conversations = &explained.pool.conversations;
    let (window, mut plans) =
        explained.plans(conversations.window(person(who), conversation(ALICE, BOB), &request)).await;
    // Among deleted messages the page is read again; the first reading costs a page as well.
    assert!(plans.len() <= 2 && plans[0].rows_read("messages") <= 51.0, "{plans:?}");
    assert_eq!(plans[0].rows_read("message_deletions"), 0.0);
    (window.unwrap().unwrap(), plans.pop().unwrap())
}

async fn list(
    explained: &ExplainingPool,
    who: u128,
    page: ConversationPageRequest,
) -> (ConversationPage, Plan) {
    let (page, plan) = explained.plan(explained.pool.conversations.list(person(who), &page)).await;
    (page.unwrap(), plan)
}

/// The `seq`s of the messages in a window.
fn places(window: &ConversationWindow) -> Vec<i64> {
    window.messages.iter().map(|message| message.id.seq.get()).collect()
}

#[tokio::test]
async fn a_thousand_conversations_are_paged_at_a_bounded_cost() {
    const FRIENDS: u128 = 1000;
    let database = Database::new();
    database.populate(1 + usize::try_from(FRIENDS).unwrap());
    let friends = 2..FRIENDS + 2;
    database.histories(&friends.clone().map(|friend| (ALICE, friend, 6)).collect::<Vec<History>>());
    // The last three are on top, and every tenth has the newest message deleted.
    let pinned = [FRIENDS - 1, FRIENDS, FRIENDS + 1];
    for friend in pinned {
        let id = conversation(ALICE, friend);
        database
            .sql(&format!("UPDATE conversation_members SET pinned = true WHERE conversation_id = '{id}'"));
    }
    for friend in friends.clone().step_by(10) {
        database.delete_for(ALICE, friend, "6, 6");
    }
    database.analyze();
    let explained = ExplainingPool::pool(&database);
    let mut found: Vec<ConversationId> = Vec::new();
    let mut page = ConversationPageRequest::parse(Some(20), None).unwrap();
    loop {
        let (shown, plan) = list(&explained, ALICE, page.clone()).await;
        assert!(shown.items.iter().all(|summary| summary.unread_count <= 3 && summary.unread_count >= 2));
        found.extend(shown.items.iter().map(|summary| summary.id));
        // All of the user's conversations are sorted, but only those of the page are read, with the peers' read positions.
        assert!(plan.rows_read("conversation_members") <= 1021.0, "{plan:?}");
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
async fn ten_thousand_deleted_messages_cost_one_step() {
    let database = two_friends_with(20_000);
    database.delete_for(ALICE, BOB, "10001, 20000");
    database.analyze();
    let explained = ExplainingPool::pool(&database);
    let (window, plan) = open(&explained, ALICE, WindowAnchor::Newest).await;
    assert_eq!(places(&window), (9951..=10_000).collect::<Vec<_>>());
    assert!(window.has_more);
    // PostgreSQL reports the rows of an average gap, rounded.
    assert!(plan.rows_read("messages") <= 52.0, "{plan:?}");
    assert!(plan.rows_read("message_deletions") <= 3.0, "{plan:?}");
    assert!(plan.pages() < 40, "{plan:?}");
    let (shown, plan) = list(&explained, ALICE, ConversationPageRequest::default()).await;
    assert_eq!(shown.items[0].last_message.as_ref().unwrap().id.seq, Seq::new(10_000));
    assert_eq!(shown.items[0].unread_count, 5000);
    assert!(plan.pages() < 40, "{plan:?}");
    // Bob's view is unchanged.
    let (window, plan) = open(&explained, BOB, WindowAnchor::Newest).await;
    assert_eq!(places(&window), (19_951..=20_000).collect::<Vec<_>>());
    assert_eq!(plan.rows_read("messages"), 51.0);
    // Later pages cost one range.
    let (_, plan) = open(&explained, ALICE, WindowAnchor::Before(Seq::new(10_001))).await;
    assert_eq!((plan.rows_read("messages"), plan.rows_read("message_deletions")), (51.0, 2.0));
}

#[tokio::test]
async fn scattered_deletions_and_recalls_cost_a_page_not_their_number() {
    let database = two_friends_with(200_000);
    // Alice deletes every second message, so that no two deletions are in one range, and all of the last tenth. Bob sent the
    // even ones.
    database.delete_for(ALICE, BOB, "1, 179999, 2");
    database.delete_for(ALICE, BOB, "180001, 200000");
    database.recall(ALICE, BOB, "40000, 80000");
    database.analyze();
    let explained = ExplainingPool::pool(&database);
    let unread = 100_000 - 20_001 - 10_000;
    let (shown, plan) = list(&explained, ALICE, ConversationPageRequest::default()).await;
    assert_eq!(shown.items[0].unread_count, unread);
    assert_eq!(shown.items[0].last_message.as_ref().unwrap().id.seq, Seq::new(180_000));
    assert!(plan.pages() <= 40, "{plan:?}");
    let (me, plan) = explained.plan(explained.pool.users.summary(person(ALICE))).await;
    assert_eq!(me.unwrap().unwrap().unread_total, unread);
    assert!(plan.pages() <= 40, "{plan:?}");
    for (anchor, from, to) in [
        (WindowAnchor::Newest, 179_902, 180_000),
        (WindowAnchor::Before(Seq::new(100_000)), 99_900, 99_998),
        (WindowAnchor::After(Seq::new(100_000)), 100_002, 100_100),
        (WindowAnchor::After(Seq::NONE), 2, 100),
    ] {
        let (window, plan) = open(&explained, ALICE, anchor).await;
        assert_eq!(places(&window), (from..=to).step_by(2).collect::<Vec<i64>>(), "{anchor:?}");
        assert!(window.has_more);
        assert!(plan.rows_read("messages") <= 52.0, "{anchor:?}: {plan:?}");
        let ranges = plan.rows_read("message_deletions");
        assert!(ranges <= 110.0, "{anchor:?}: {ranges}: {plan:?}");
        assert!(plan.pages() <= 1000, "{anchor:?}: {}", plan.pages());
    }
    // Bob deleted nothing, and pays nothing for Alice's deletions, which are all that the planner knows.
    let (window, plan) = open(&explained, BOB, WindowAnchor::Newest).await;
    assert_eq!(places(&window), (199_951..=200_000).collect::<Vec<_>>());
    assert_eq!((plan.rows_read("messages"), plan.rows_read("message_deletions")), (51.0, 0.0));
    assert!(plan.pages() <= 40, "{plan:?}");
    let conversations = &explained.pool.conversations;
    for (read, unread) in [(2, unread - 1), (199_998, 0)] {
        let mark = conversations.mark_read(person(ALICE), conversation(ALICE, BOB), Seq::new(read));
        let (position, plans) = explained.plans(mark).await;
        assert_eq!(position.unwrap().unwrap().unread_count, unread);
        assert!(plans.iter().all(|plan| plan.pages() <= 60), "{read}: {plans:?}");
    }
}

#[tokio::test]
async fn with_every_second_message_deleted_a_page_reads_two_pages() {
    let database = two_friends_with(20_000);
    database.delete_for(ALICE, BOB, "1, 20000, 2");
    database.analyze();
    let explained = ExplainingPool::pool(&database);
    let (window, plan) = open(&explained, ALICE, WindowAnchor::Newest).await;
    assert_eq!(places(&window), (19_901..=20_000).filter(|seq| seq % 2 == 0).collect::<Vec<_>>());
    assert!(plan.rows_read("messages") <= 52.0);
    assert!(plan.pages() < 600, "{plan:?}");
}

#[tokio::test]
async fn a_page_anywhere_in_300000_messages_costs_one_page() {
    let database = two_friends_with(300_000);
    database.analyze();
    let explained = ExplainingPool::pool(&database);
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
    let database = two_friends_with(20_000);
    database.recall(ALICE, BOB, "10001, 20000");
    database.delete_for(ALICE, BOB, "9991, 10010");
    database.analyze();
    let explained = ExplainingPool::pool(&database);
    let (shown, plan) = list(&explained, ALICE, ConversationPageRequest::default()).await;
    // Five of Bob's first 5,000 messages are deleted; a message that is both deleted and recalled counts once.
    assert_eq!(shown.items[0].unread_count, 4995);
    assert_eq!(plan.rows_read("messages"), 1.0, "{plan:?}");
    assert!(plan.pages() < 40, "{plan:?}");
    let mark =
        explained.pool.conversations.mark_read(person(ALICE), conversation(ALICE, BOB), Seq::new(20_000));
    let (position, plans) = explained.plans(mark).await;
    assert_eq!(position.unwrap().unwrap().unread_count, 0);
    assert!(plans.iter().all(|plan| plan.pages() <= 24), "{plans:?}");
    let (shown, plan) = list(&explained, ALICE, ConversationPageRequest::default()).await;
    assert_eq!(shown.items[0].unread_count, 0);
    assert_eq!(plan.rows_read("messages"), 1.0, "{plan:?}");
}
