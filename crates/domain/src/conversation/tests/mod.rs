mod pair;
mod service;

use super::{
    ConversationError, ConversationPageRequest, WindowAnchor, WindowLimit, WindowRequest, peer_messages_up_to,
};
use crate::error::{ErrorKind, InvalidValue, PortError, Rule};
use crate::message::Seq;
use crate::testing::assert_catalogue;

#[test]
fn each_error_has_its_kind_and_name() {
    assert_catalogue([
        (ConversationError::UnknownConversation, ErrorKind::Invalid, "unknown_conversation"),
        (PortError::internal("broken").into(), ErrorKind::Internal, "internal_error"),
    ]);
}

#[test]
fn a_window_starts_at_the_requested_position() {
    assert_eq!(WindowAnchor::parse(None, None), Ok(WindowAnchor::Newest));
    assert_eq!(WindowAnchor::parse(Some(0), None), Ok(WindowAnchor::Before(Seq::NONE)));
    assert_eq!(WindowAnchor::parse(Some(7), None), Ok(WindowAnchor::Before(Seq::new(7))));
    assert_eq!(WindowAnchor::parse(None, Some(0)), Ok(WindowAnchor::After(Seq::NONE)));
    assert_eq!(WindowAnchor::parse(None, Some(i64::MAX)), Ok(WindowAnchor::After(Seq::new(i64::MAX))));
}

#[test]
fn a_window_cannot_start_at_two_positions() {
    let refused = Err(InvalidValue::new("before", Rule::Exclusive("after")));
    assert_eq!(WindowAnchor::parse(Some(1), Some(1)), refused);
    assert_eq!(WindowAnchor::parse(Some(-1), Some(-1)), refused);
}

#[test]
fn a_window_cannot_start_at_a_negative_position() {
    let range = Rule::Range { min: 0, max: i64::MAX };
    assert_eq!(WindowAnchor::parse(Some(-1), None), Err(InvalidValue::new("before", range)));
    assert_eq!(WindowAnchor::parse(None, Some(-1)), Err(InvalidValue::new("after", range)));
}

#[test]
fn a_window_is_limited_to_1_to_200_messages() {
    for limit in [1, 2, 199, 200] {
        assert_eq!(WindowLimit::parse(limit).unwrap().get(), limit);
    }
    for limit in [i64::MIN, -1, 0, 201, i64::MAX] {
        let refused = InvalidValue::new("limit", Rule::Range { min: 1, max: 200 });
        assert_eq!(WindowLimit::parse(limit), Err(refused), "{limit}");
    }
}

#[test]
fn a_window_shows_the_newest_50_by_default() {
    let request = WindowRequest::default();
    assert_eq!((request.anchor, request.limit.get()), (WindowAnchor::Newest, 50));
}

#[test]
fn a_list_page_has_up_to_1000_rows_by_default() {
    assert_eq!(ConversationPageRequest::default().limit.get(), 1000);
}

#[test]
fn any_single_message_yields_the_count_of_the_peers_messages() {
    // The sender of each message in order: true for the peer.
    let by_peer = [true, false, false, true, true, false, true];
    let (mut own, mut peer) = (0, 0);
    for (position, &sent_by_peer) in (1..).zip(&by_peer) {
        let ordinal = if sent_by_peer { &mut peer } else { &mut own };
        *ordinal += 1;
        let ordinal = *ordinal;
        assert_eq!(peer_messages_up_to(Seq::new(position), ordinal, sent_by_peer), peer, "at {position}");
    }
    assert_eq!((own, peer), (3, 4));
}
