use uuid::Uuid;

use super::*;
use crate::conversation::{Directed, Pair};
use crate::message::{ClientMessageId, MessageBody, MessageContent, Seq};
use crate::testing::{at, user};

/// The point of a snapshot that saw everything below 20 but 15.
fn point() -> ReadPoint {
    ReadPoint::of_snapshot(Uuid::from_u128(5), 20, vec![15])
}

fn mark(peer: u128, seq: i64, stamp: i64, follows: i64) -> MessageMark {
    MessageMark { pair: Pair::new(user(1), user(peer)).unwrap(), seq: Seq::new(seq), stamp, follows }
}

#[test]
fn a_point_has_seen_what_ended_before_it() {
    let seen: Vec<i64> = (13..=21).filter(|stamp| point().has_seen(*stamp)).collect();
    assert_eq!(seen, [13, 14, 16, 17, 18, 19]);
    let many = ReadPoint::of_snapshot(Uuid::from_u128(5), 200, (100..150).collect());
    assert!(
        many.has_seen(99) && !many.has_seen(123) && !many.has_seen(150),
        "it ends before what it cannot name"
    );
}

#[test]
fn a_message_is_sent_if_all_before_it_was() {
    let mut state = SentState::at(point());
    let step = |state: &SentState, mark: MessageMark| state.next_step(&mark);
    assert_eq!(step(&state, mark(2, 4, 19, 3)), NextStep::Skip, "the point has it");
    assert_eq!(step(&state, mark(2, 4, 20, 15)), NextStep::Read, "what it follows was open");
    assert_eq!(step(&state, mark(2, 4, 25, 21)), NextStep::Read, "what it follows is unknown");
    assert_eq!(step(&state, mark(2, 4, 20, 19)), NextStep::Send);
    state.sent(&mark(2, 4, 20, 19));
    assert_eq!(step(&state, mark(2, 4, 20, 19)), NextStep::Skip, "it was sent");
    assert_eq!(step(&state, mark(2, 5, 20, 20)), NextStep::Send, "of the same transaction");
    state.sent(&mark(2, 5, 20, 20));
    assert_eq!(step(&state, mark(2, 6, 22, 20)), NextStep::Send);
    assert_eq!(step(&state, mark(2, 7, 23, 22)), NextStep::Read, "one is missing");
    assert_eq!(step(&state, mark(3, 6, 22, 20)), NextStep::Read, "of another conversation");
    assert_eq!(step(&state, mark(2, 6, 22, 21)), NextStep::Read, "a recall lies between the two");
}

#[test]
fn a_read_moves_the_point_and_keeps_what_lies_beyond_it() {
    let mut state = SentState::at(point());
    assert!(!state.is_behind());
    state.sent(&mark(2, 4, 20, 19));
    state.sent(&mark(3, 1, 21, 0));
    assert!(state.is_behind());
    let (second, third) =
        (mark(2, 4, 20, 19).pair.conversation_id(), mark(3, 1, 21, 0).pair.conversation_id());
    assert_eq!((state.newest(second), state.newest(third)), (Some(Seq::new(4)), Some(Seq::new(1))));
    let later = ReadPoint::of_snapshot(Uuid::from_u128(5), 21, Vec::new());
    state.read(later.clone(), [(second, Seq::new(5))]);
    assert_eq!((state.point(), state.is_behind()), (&later, false));
    assert_eq!((state.newest(second), state.newest(third)), (Some(Seq::new(5)), None));
    assert_eq!(state.next_step(&mark(2, 5, 22, 20)), NextStep::Skip, "it was read beyond the point");
    assert_eq!(state.next_step(&mark(2, 6, 23, 22)), NextStep::Read, "the stamp of what was read is unknown");
    assert_eq!(state.next_step(&mark(2, 6, 23, 20)), NextStep::Send);
}

#[test]
fn a_point_covers_what_saw_no_more_than_it() {
    let point = |xmax, open: &[i64]| ReadPoint::of_snapshot(Uuid::from_u128(5), xmax, open.to_vec());
    let middle = point(20, &[15, 17]);
    for later in [middle.clone(), point(20, &[17]), point(25, &[15, 22]), point(30, &[])] {
        assert!(later.covers(&middle), "{later:?}");
    }
    for other in [point(19, &[15, 17]), point(20, &[15, 16, 17]), point(25, &[14])] {
        assert!(!other.covers(&middle), "{other:?}");
    }
}

#[test]
fn an_advance_forgets_what_lies_before_the_point() {
    let point = |xmax, open: &[i64]| ReadPoint::of_snapshot(Uuid::from_u128(5), xmax, open.to_vec());
    let mut state = SentState::at(point(20, &[15]));
    state.sent(&mark(2, 4, 20, 19));
    state.sent(&mark(3, 1, 22, 0));
    let second = mark(2, 4, 20, 19).pair.conversation_id();
    assert!(state.advance(point(20, &[14, 15])), "an earlier one changes nothing");
    assert_eq!((state.point(), state.newest(second)), (&point(20, &[15]), Some(Seq::new(4))));
    assert!(state.advance(point(22, &[])));
    assert_eq!((state.newest(second), state.is_behind()), (None, true));
    assert_eq!(state.next_step(&mark(2, 5, 24, 20)), NextStep::Send);
    assert!(state.advance(point(23, &[])) && !state.is_behind());
    assert!(!state.advance(ReadPoint::of_snapshot(Uuid::from_u128(6), 30, Vec::new())));
    assert_eq!(state.point(), &point(23, &[]));
}

#[test]
fn only_its_sender_sees_the_key_of_a_stored_message() {
    let from = Directed::new(user(2), user(1)).unwrap();
    let message = StoredMessage {
        from,
        body: MessageBody::Text(MessageContent::parse("hello".to_owned()).unwrap()),
        client_message_id: Some(ClientMessageId::parse("key-1".to_owned()).unwrap()),
        created_at: at(7),
        mark: mark(2, 4, 20, 19),
    };
    let (own, other) = (message.seen_by(user(2)), message.seen_by(user(1)));
    assert_eq!((own.client_message_id.is_some(), other.client_message_id.is_some()), (true, false));
    assert_eq!(other, crate::message::Message { client_message_id: None, ..own.clone() });
    assert_eq!((own.sender_id, own.id.seq, own.created_at), (user(2), Seq::new(4), at(7)));
    assert_eq!(own.state.text().map(MessageContent::as_str), Some("hello"));
    assert_eq!((message.peer_of(user(1)), message.peer_of(user(2))), (user(2), user(1)));
    assert_eq!(message.conversation(), from.pair.conversation_id());
}
