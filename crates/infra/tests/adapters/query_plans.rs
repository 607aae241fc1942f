//! Each frequent statement uses the index made for it and reads no more rows than it returns.

use std::num::NonZeroU32;
use std::sync::OnceLock;
use std::time::Duration;

use domain::account::{LoginIdentifier, PasswordHash, PhoneNumber, Uid, UserRepository};
use domain::auth::{DeviceName, NewSession, SessionRepository};
use domain::conversation::{ConversationPageRequest, ConversationRepository, WindowAnchor, WindowRequest};
use domain::friendship::{FriendPageRequest, FriendshipRepository, Remark};
use domain::friendship_request::{
    Answer, AnswerOutcome, AskOutcome, Direction, FriendshipRequestRepository, NewRequest,
    RequestPageRequest, RequestRules, VerificationMessage,
};
use domain::message::{MessageRepository, Seq};

use crate::bulk_data::{History, conversation, person};
use crate::explain::{ExplainingPool, assert_plan};
use crate::sessions::order;
use crate::support::{Database, directed, draft};

/// A user with 500 friends; with one of them it has exchanged 30,000 messages.
pub(crate) const HUB: u128 = 1;
pub(crate) const FRIENDS: u128 = 500;
pub(crate) const FREQUENT_PEER: u128 = 2;
const PEOPLE: u128 = 3000;

/// 200,000 messages: enough that no planner scans a table for which it has an index. All tests here share the database.
pub(crate) fn shared_database() -> &'static Database {
    static SHARED: OnceLock<Database> = OnceLock::new();
    SHARED.get_or_init(build_shared_database)
}

fn build_shared_database() -> Database {
    let database = Database::new();
    database.populate(usize::try_from(PEOPLE).unwrap());
    let mut histories: Vec<History> = vec![(HUB, FREQUENT_PEER, 30_000)];
    histories.extend((FREQUENT_PEER + 1..=FRIENDS + 1).map(|friend| (HUB, friend, 40)));
    histories.extend((FRIENDS + 2..PEOPLE).map(|number| (number, number + 1, 60)));
    database.histories(&histories);
    database.requests(&(0..200).map(|n| (HUB, 1000 + n)).collect::<Vec<_>>());
    database.requests(&(0..200).map(|n| (1500 + n, HUB)).collect::<Vec<_>>());
    database.sql(&format!(
        "INSERT INTO message_deletions SELECT conversation_id, user_id, 39, 40
           FROM conversation_members WHERE user_id = '{hub}';
         UPDATE conversation_members SET deleted_seq = 40, hidden_unread = 3 WHERE user_id = '{hub}';
         UPDATE conversations SET recalled_seq = 24 WHERE '{hub}' IN (user_lo, user_hi);
         UPDATE messages SET content = NULL, recalled_at = created_at
          WHERE seq BETWEEN 21 AND 24
            AND conversation_id IN (SELECT conversation_id FROM conversation_members WHERE user_id = '{hub}');
         INSERT INTO recalls_by_change SELECT conversation_id, 1, seq FROM messages WHERE recalled_at IS NOT NULL;
         INSERT INTO deletions_by_change
         SELECT conversation_id, user_id, 1, first_seq FROM message_deletions;
         UPDATE users SET phone_number = '13800' || lpad(substr(uid, 8), 6, '0');
         INSERT INTO blocks (owner_id, blocked_id, created_at)
         SELECT u.id, other.id, now() FROM users u, (SELECT id FROM users ORDER BY id DESC LIMIT 20) other
          WHERE u.id <> other.id AND u.id <> '{hub}';
         INSERT INTO sessions (id, user_id, device_name, rotations, created_at, last_used_at)
         SELECT gen_random_uuid(), id, '', ARRAY[now()], now(), now() FROM users",
        hub = person(HUB),
    ));
    database.analyze();
    database
}

#[tokio::test]
async fn the_conversation_list_uses_the_member_index() {
    let explained = ExplainingPool::pool(shared_database());
    let mut after = None;
    for _ in 0..2 {
        let page = ConversationPageRequest::parse(Some(20), after).unwrap();
        let (page, plan) = explained.plan(explained.pool.conversations.list(person(HUB), &page)).await;
        after = page.unwrap().next;
        assert!(plan.rows_read("messages") <= 21.0, "the newest visible message of each: {plan:?}");
        assert_eq!(plan.rows_read("users"), 22.0, "the peers, and the member itself");
        assert_plan(
            "the list",
            &[plan],
            &[
                "conversation_members_of_user",
                "conversation_members_pkey",
                "conversations_pkey",
                "message_deletions_by_end",
                "messages_pkey",
                "users_pkey",
            ],
        );
    }
}

#[tokio::test]
async fn a_history_page_is_found_by_seq_and_reads_only_the_page() {
    let explained = ExplainingPool::pool(shared_database());
    let id = conversation(HUB, FREQUENT_PEER);
    let anchors = [
        WindowAnchor::Newest,
        WindowAnchor::Before(Seq::new(15_000)),
        WindowAnchor::After(Seq::new(15_000)),
        WindowAnchor::After(Seq::NONE),
    ];
    // One member has 500 friends, whose conversations must not be read for this page.
    for (who, anchor) in [HUB, FREQUENT_PEER].iter().flat_map(|who| anchors.map(|anchor| (*who, anchor))) {
        let request = WindowRequest::from_anchor(anchor);
        let (window, mut plans) =
            explained.plans(explained.pool.conversations.window(person(who), id, &request)).await;
        // The hub deleted two of the first messages, so that the page there is read again.
        let among_deletions = who == HUB && matches!(anchor, WindowAnchor::After(Seq::NONE));
        assert_eq!(plans.len(), if among_deletions { 2 } else { 1 }, "{anchor:?}");
        let plan = plans.pop().unwrap();
        assert_eq!(window.unwrap().unwrap().messages.len(), 50);
        // One further message shows whether there are more; two at the beginning are deleted.
        assert!(plan.rows_read("messages") <= 53.0, "{anchor:?}: {plan:?}");
        assert_eq!(plan.rows_read("conversation_members"), 2.0, "{anchor:?}: {plan:?}");
        let mut indexes =
            vec!["conversation_members_pkey", "conversations_pkey", "messages_pkey", "users_pkey"];
        if among_deletions {
            indexes.extend(["message_deletions_by_end", "message_deletions_pkey"]);
        }
        assert_plan("the history", &[plan], &indexes);
    }
}

#[tokio::test]
async fn reading_sending_recalling_and_deleting_use_keys() {
    let explained = ExplainingPool::pool(shared_database());
    let (pool, me, id) = (&explained.pool, person(HUB), conversation(HUB, FREQUENT_PEER));
    let (_, plans) = explained.plans(pool.conversations.mark_read(me, id, Seq::new(20))).await;
    assert_plan(
        "reading",
        &plans,
        &[
            "conversation_members_pkey",
            "conversations_pkey",
            "message_deletions_pkey",
            "messages_pkey",
            "messages_recalled",
        ],
    );
    // The second send finds its key; the third is between users who never met.
    for receiver in [FREQUENT_PEER, FREQUENT_PEER, PEOPLE] {
        let draft = draft(me, person(receiver), "hello", Some("key"));
        let (_, plans) = explained.plans(pool.messages.send(draft)).await;
        assert_plan("sending", &plans, &["conversations_pkey", "messages_client_message_id_key"]);
    }
    let message = pool.say(me, person(FREQUENT_PEER), "soon gone").await;
    let window = Duration::from_secs(60);
    let (_, plans) = explained.plans(pool.messages.recall(message, me, window)).await;
    assert_plan(
        "recalling",
        &plans,
        &["conversation_members_pkey", "conversations_pkey", "message_deletions_pkey", "messages_pkey"],
    );
    let (_, plans) = explained.plans(pool.messages.delete_for(me, message)).await;
    assert_plan(
        "deleting",
        &plans,
        &["conversation_members_pkey", "message_deletions_pkey", "messages_pkey"],
    );
}

#[tokio::test]
async fn pages_of_friends_and_requests_come_from_an_ordered_index() {
    let explained = ExplainingPool::pool(shared_database());
    let (pool, me) = (&explained.pool, person(HUB));
    let mut after = None;
    for _ in 0..10 {
        let page = FriendPageRequest::parse(Some(20), after).unwrap();
        let (page, plan) = explained.plan(pool.friendships.list(me, &page)).await;
        after = page.unwrap().next;
        assert!(plan.rows_read("friendships") <= 22.0, "{plan:?}");
        assert_plan("friends", &[plan], &["friendships_newest_first", "users_pkey"]);
    }
    for (direction, index) in
        [(Direction::Received, "friendship_requests_received"), (Direction::Sent, "friendship_requests_sent")]
    {
        let mut after = None;
        for _ in 0..5 {
            let page = RequestPageRequest::parse(Some(20), after).unwrap();
            let (page, plan) = explained.plan(pool.requests.list(me, direction, &page)).await;
            after = page.unwrap().next;
            assert!(plan.rows_read("friendship_requests") <= 22.0, "{plan:?}");
            let of_blocks = (direction == Direction::Received).then_some("blocks_pkey");
            let indexes: Vec<&str> = [index, "users_pkey"].into_iter().chain(of_blocks).collect();
            assert_plan("requests", &[plan], &indexes);
        }
    }
}

#[tokio::test]
async fn pending_items_are_counted_from_the_users_own_rows() {
    let explained = ExplainingPool::pool(shared_database());
    let pool = &explained.pool;
    let (me, plan) = explained.plan(pool.users.summary(person(HUB))).await;
    assert_eq!(me.unwrap().unwrap().pending_requests, 200);
    assert!(plan.rows_read("friendship_requests") <= 200.0, "the requests pending for the caller: {plan:?}");
    assert!(plan.rows_read("conversation_members") <= 500.0, "the caller's own: {plan:?}");
    assert_plan(
        "me",
        &[plan],
        &[
            "blocks_pkey",
            "conversation_members_of_user",
            "conversations_pkey",
            "friendship_requests_waiting_for_receiver",
            "users_pkey",
        ],
    );
}

#[tokio::test]
async fn accounts_and_sessions_are_found_by_uid_phone_and_id() {
    let explained = ExplainingPool::pool(shared_database());
    let (pool, uid) = (&explained.pool, Uid::parse("Person_77").unwrap());
    let (_, session) = pool.register("new_user").await;
    let (_, plans) = explained.plans(pool.users.find_by_uid(person(HUB), &uid)).await;
    assert_plan("a friend", &plans, &["users_uid_key", "friendships_pkey"]);
    let other_user = Uid::parse("person_2222").unwrap();
    let (_, plans) = explained.plans(pool.users.find_by_uid(person(HUB), &other_user)).await;
    assert_plan("another user", &plans, &["users_uid_key", "friendships_pkey", "friendship_requests_pkey"]);
    // Whether a stranger's account exists makes no difference.
    let request = "friendship_requests_pkey";
    for (number, index) in [(77, "users_pkey"), (2222, request), (999_999, request)] {
        let (_, plans) = explained.plans(pool.users.find_by_id(person(HUB), person(number))).await;
        assert_plan("an account by id", &plans, &["friendships_pkey", index]);
    }
    let number = PhoneNumber::parse("13800000077").unwrap();
    for (identifier, index) in [
        (LoginIdentifier::Uid(uid), "users_uid_key"),
        (LoginIdentifier::PhoneNumber(number), "users_phone_number_key"),
    ] {
        let (found, plans) = explained.plans(pool.users.credentials(&identifier)).await;
        assert!(found.unwrap().is_some());
        assert_plan("logging in", &plans, &[index]);
    }
    let login = NewSession {
        user_id: person(77),
        device: DeviceName::default(),
        verified_hash: PasswordHash::new("no hash".to_owned()),
        most_open: NonZeroU32::new(64),
    };
    let (_, plans) = explained.plans(pool.sessions.open(&login)).await;
    assert_plan("opening a session", &plans, &["users_pkey", "sessions_open_of_user"]);
    let (_, plans) = explained.plans(pool.sessions.rotate(&order(&session))).await;
    // The session is found by its id or among its owner's sessions; both cost the same.
    for plan in plans {
        assert_eq!(plan.full_scans(), Vec::<&str>::new(), "{}", plan.statement);
        assert!(plan.rows_read("sessions") <= 1.0, "{plan:?}");
    }
}

#[tokio::test]
async fn friend_and_request_limits_are_counted_from_an_index() {
    let explained = ExplainingPool::pool(shared_database());
    let pool = &explained.pool;
    let asked = |sender: u128, receiver: u128| NewRequest {
        from: directed(person(sender), person(receiver)),
        message: VerificationMessage::default(),
        rules: RequestRules {
            time_to_live: Duration::from_secs(3600),
            per_day: NonZeroU32::new(7),
            per_pair_and_day: NonZeroU32::new(3),
        },
    };
    let request = asked(2500, 2700);
    let (created, plans) = explained.plans(pool.requests.ask(&request)).await;
    let AskOutcome::Created(created) = created.unwrap() else { panic!("the request is the first") };
    assert_plan(
        "asking",
        &plans,
        &[
            "conversations_pkey",
            "friendship_requests_pkey",
            "friendship_requests_sent",
            "friendship_requests_waiting_of_sender",
            "users_pkey",
        ],
    );
    let (accepted, plans) =
        explained.plans(pool.requests.answer(created, person(2700), Answer::Accept)).await;
    assert!(matches!(accepted.unwrap(), AnswerOutcome::Accepted(_)));
    for plan in plans {
        assert_eq!(plan.full_scans(), Vec::<&str>::new(), "{}", plan.statement);
        assert!(plan.rows_read("friendships") <= 2.0, "{plan:?}");
    }
    let (owner, remark) = (directed(person(2500), person(2700)), Remark::parse("2700").unwrap());
    let (_, plans) = explained.plans(pool.friendships.set_remark(owner, &remark)).await;
    assert_plan("a remark", &plans, &["conversation_members_pkey", "friendships_pkey", "users_pkey"]);
}
