use std::time::Duration;

use chrono::TimeDelta;

use super::text;
use crate::conversation::{Directed, Pair, PairState};
use crate::id::UserId;
use crate::message::{
    Draft, ExistingMessage, MessagePosition, MessageState, RecallDecision, RecallRefusal, Recallable,
    SendDecision, SendRefusal, Seq, SpentQuota, decide_recall, decide_send,
};
use crate::testing::{at, user};

const SENDER: UserId = user(1);
const RECEIVER: UserId = user(2);
const WINDOW: Duration = Duration::from_secs(120);

fn draft(body: &str) -> Draft {
    let from = Directed::new(SENDER, RECEIVER).unwrap();
    Draft { from, body: text(body), client_message_id: None, over_quota: None }
}

fn friends() -> PairState {
    PairState {
        pair: Pair::new(SENDER, RECEIVER).unwrap(),
        friends: true,
        lo_blocks: false,
        hi_blocks: false,
        last_seq: Seq::new(10),
        lo_sent: 4,
        hi_sent: 6,
    }
}

fn existing(state: MessageState) -> ExistingMessage {
    ExistingMessage { seq: Seq::new(3), state }
}

fn visible(body: &str) -> ExistingMessage {
    existing(MessageState::Visible(text(body)))
}

fn sent_by(sender: UserId) -> Recallable {
    Recallable { sender, created_at: at(0), recalled: false }
}

#[test]
fn a_draft_between_friends_takes_the_next_position() {
    let mut pair = friends();
    let decision = decide_send(&draft("hi"), Some(&mut pair), None);
    assert_eq!(decision, SendDecision::Store(MessagePosition { seq: Seq::new(11), sender_ordinal: 5 }));
    assert_eq!(pair, PairState { last_seq: Seq::new(11), lo_sent: 5, ..friends() });
}

#[test]
fn drafts_of_one_batch_take_consecutive_positions() {
    let mut pair = friends();
    let from_receiver = Draft { from: Directed::new(RECEIVER, SENDER).unwrap(), ..draft("hi") };
    let decisions =
        [draft("1"), from_receiver, draft("2")].map(|draft| decide_send(&draft, Some(&mut pair), None));
    let expected = [(11, 5), (12, 7), (13, 6)].map(|(seq, sender_ordinal)| {
        SendDecision::Store(MessagePosition { seq: Seq::new(seq), sender_ordinal })
    });
    assert_eq!(decisions, expected);
}

#[test]
fn a_draft_to_a_user_never_met_is_refused() {
    let decision = decide_send(&draft("hi"), None, None);
    assert_eq!(decision, SendDecision::Refuse(SendRefusal::NotFriends));
}

#[test]
fn beyond_the_quota_only_a_repeat_of_a_stored_message_succeeds() {
    let spent = SpentQuota::Messages(WINDOW);
    let over = Draft { over_quota: Some(spent), ..draft("hi") };
    let mut pair = friends();
    let refused = SendDecision::Refuse(SendRefusal::OverQuota(spent));
    assert_eq!(decide_send(&over, Some(&mut pair), None), refused);
    assert_eq!(decide_send(&over, None, None), refused);
    let stored = visible("hi");
    assert_eq!(decide_send(&over, Some(&mut pair), Some(&stored)), SendDecision::Existing(Seq::new(3)));
    assert_eq!(pair, friends(), "nothing is stored");
}

#[test]
fn missing_friendship_takes_precedence_over_a_block() {
    let apart = PairState { friends: false, hi_blocks: true, ..friends() };
    let mut pair = apart;
    let decision = decide_send(&draft("hi"), Some(&mut pair), None);
    assert_eq!((decision, pair), (SendDecision::Refuse(SendRefusal::NotFriends), apart));
}

#[test]
fn a_blocked_sender_is_refused_and_takes_no_position() {
    let blocked = PairState { hi_blocks: true, ..friends() };
    let mut pair = blocked;
    let decision = decide_send(&draft("hi"), Some(&mut pair), None);
    assert_eq!((decision, pair), (SendDecision::Refuse(SendRefusal::Blocked), blocked));
}

#[test]
fn the_blocking_member_can_still_send() {
    let mut pair = PairState { lo_blocks: true, ..friends() };
    let decision = decide_send(&draft("hi"), Some(&mut pair), None);
    assert!(matches!(decision, SendDecision::Store(_)), "{decision:?}");
}

#[test]
fn a_retry_gets_the_first_result_whatever_has_changed_since() {
    let apart = PairState { friends: false, ..friends() };
    let blocked = PairState { hi_blocks: true, ..friends() };
    for mut pair in [None, Some(friends()), Some(apart), Some(blocked)] {
        let before = pair;
        let decision = decide_send(&draft("hi"), pair.as_mut(), Some(&visible("hi")));
        assert_eq!((decision, pair), (SendDecision::Existing(Seq::new(3)), before));
    }
}

#[test]
fn another_body_under_the_same_key_is_refused() {
    for other in ["Hi", "hi ", "你好"] {
        let mut pair = friends();
        let decision = decide_send(&draft(other), Some(&mut pair), Some(&visible("hi")));
        assert_eq!(decision, SendDecision::Refuse(SendRefusal::IdempotencyConflict), "{other:?}");
        assert_eq!(pair, friends());
    }
}

#[test]
fn the_body_of_a_recalled_message_is_not_compared() {
    let decision =
        decide_send(&draft("anything"), Some(&mut friends()), Some(&existing(MessageState::Recalled)));
    assert_eq!(decision, SendDecision::Existing(Seq::new(3)));
}

#[test]
fn a_message_can_be_recalled_until_the_window_is_over() {
    let end = at(120);
    for now in [at(-5), at(0), at(119), end] {
        assert_eq!(decide_recall(&sent_by(SENDER), SENDER, now, WINDOW), Ok(RecallDecision::Recall), "{now}");
    }
    for now in [end + TimeDelta::nanoseconds(1), at(121), at(1_000_000)] {
        let refused = Err(RecallRefusal::WindowOver);
        assert_eq!(decide_recall(&sent_by(SENDER), SENDER, now, WINDOW), refused, "{now}");
    }
}

#[test]
fn a_recall_window_may_have_any_length() {
    let late = at(1_000_000_000);
    let recall = |window| decide_recall(&sent_by(SENDER), SENDER, late, window);
    assert_eq!(recall(Duration::MAX), Ok(RecallDecision::Recall));
    assert_eq!(recall(Duration::ZERO), Err(RecallRefusal::WindowOver));
}

#[test]
fn recalling_again_succeeds_at_any_time() {
    let recalled = Recallable { recalled: true, ..sent_by(SENDER) };
    for now in [at(1), at(1_000_000)] {
        assert_eq!(decide_recall(&recalled, SENDER, now, WINDOW), Ok(RecallDecision::AlreadyRecalled));
    }
}

#[test]
fn only_the_sender_can_recall_and_the_peer_learns_nothing() {
    for message in [sent_by(SENDER), Recallable { recalled: true, ..sent_by(SENDER) }] {
        for now in [at(1), at(1_000_000)] {
            let refused = Err(RecallRefusal::NotYours);
            assert_eq!(decide_recall(&message, RECEIVER, now, WINDOW), refused);
        }
    }
}
