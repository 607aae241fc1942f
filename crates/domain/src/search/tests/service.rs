use std::sync::Arc;

use pollster::block_on;

use super::super::{
    MockSearchRepository, SearchCursor, SearchError, SearchPage, SearchPageRequest, SearchRequest,
    SearchService, SearchTerm,
};
use crate::error::ErrorKind;
use crate::id::ConversationId;
use crate::message::{Message, MessageBody, MessageContent, MessageId, MessageState, Seq};
use crate::testing::{assert_catalogue, assert_fault, at, fault, refusal, user};

fn request() -> SearchRequest {
    let conversation = Some(ConversationId::from_uuid(uuid::Uuid::from_u128(9)));
    SearchRequest {
        term: SearchTerm::parse("你").unwrap(), conversation, page: SearchPageRequest::default()
    }
}

fn service(answer: impl FnOnce(&mut MockSearchRepository)) -> SearchService {
    let mut messages = MockSearchRepository::new();
    answer(&mut messages);
    SearchService::new(Arc::new(messages))
}

fn found() -> SearchPage {
    let conversation = ConversationId::from_uuid(uuid::Uuid::from_u128(9));
    let message = Message {
        id: MessageId { conversation, seq: Seq::new(3) },
        sender_id: user(2),
        state: MessageState::Visible(MessageBody::Text(MessageContent::from_stored("你好".to_owned()))),
        client_message_id: None,
        created_at: at(1),
    };
    SearchPage { next: Some(SearchCursor::of(&message)), items: vec![message] }
}

#[test]
fn a_search_covers_the_callers_own_messages() {
    let service = service(|messages| {
        messages
            .expect_find()
            .once()
            .withf(|member, asked| *member == user(1) && *asked == request())
            .returning(|_, _| Ok(Some(found())));
    });
    let page = block_on(service.search(user(1), &request())).unwrap();
    assert_eq!(page, found());
}

#[test]
fn a_conversation_of_others_is_unknown() {
    let service = service(|messages| {
        messages.expect_find().returning(|_, _| Ok(None));
    });
    let refused = refusal(block_on(service.search(user(1), &request())));
    assert_eq!(refused, Some("unknown_conversation"));
}

#[test]
fn a_port_error_is_passed_on() {
    let service = service(|messages| {
        messages.expect_find().returning(|_, _| Err(fault()));
    });
    assert_fault(block_on(service.search(user(1), &request())));
}

#[test]
fn cursors_order_by_time_then_conversation_then_seq() {
    let key = |time: i64, conversation: u128, seq: i64| SearchCursor {
        created_at: at(time),
        message: MessageId {
            conversation: ConversationId::from_uuid(uuid::Uuid::from_u128(conversation)),
            seq: Seq::new(seq),
        },
    };
    let sorted = [key(1, 9, 9), key(2, 1, 2), key(2, 1, 10), key(2, 3, 1), key(3, 1, 1)];
    assert!(sorted.is_sorted());
}

#[test]
fn refusals_have_their_kind_and_name() {
    assert_catalogue([(SearchError::UnknownConversation, ErrorKind::Invalid, "unknown_conversation")]);
}
