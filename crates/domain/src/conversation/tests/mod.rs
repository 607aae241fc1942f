mod pair;
mod service;

use super::{ConversationError, ConversationPageRequest, WindowAnchor, WindowRequest, peer_messages_up_to};
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
fn a_window_is_limited_to_1_to_200_messages() {
    let parse = |limit| WindowRequest::parse(WindowAnchor::Newest, Some(limit));
    for limit in [1, 2, 199, 200] {
        assert_eq!(parse(limit).unwrap().limit.get(), limit);
    }
    for limit in [i64::MIN, -1, 0, 201, i64::MAX] {
        let refused = InvalidValue::new(Rule::Range { min: 1, max: 200 });
        assert_eq!(parse(limit), Err(refused), "{limit}");
    }
}

#[test]
fn a_window_shows_the_newest_50_by_default() {
    for request in [WindowRequest::default(), WindowRequest::parse(WindowAnchor::Newest, None).unwrap()] {
        assert_eq!((request.anchor, request.limit.get()), (WindowAnchor::Newest, 50));
    }
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
