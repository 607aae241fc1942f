use std::sync::Arc;

use mockall::predicate::eq;
use pollster::block_on;
use uuid::Uuid;

use crate::account::{DisplayName, Nickname};
use crate::answer_size::fitting;
use crate::conversation::{
    ConversationCursor, ConversationPage, ConversationPageRequest, ConversationService, ConversationSummary,
    ConversationWindow, MockConversationRepository, Preferences, ReadPosition, WindowAnchor, WindowRequest,
};
use crate::friendship::Remark;
use crate::id::ConversationId;
use crate::message::{Message, MessageBody, MessageContent, MessageId, MessageState, Seq};
use crate::testing::{assert_fault, at, counted_texts, fault, refusal, user};

const CONVERSATION: ConversationId = ConversationId::from_uuid(Uuid::from_u128(55));

fn service(prepare: impl FnOnce(&mut MockConversationRepository)) -> ConversationService {
    let mut conversations = MockConversationRepository::new();
    prepare(&mut conversations);
    ConversationService::new(Arc::new(conversations), true)
}

fn summary() -> ConversationSummary {
    ConversationSummary {
        id: CONVERSATION,
        friend_id: user(2),
        friend_uid: None,
        friend_name: DisplayName::Erased,
        remark: Remark::default(),
        is_friend: true,
        blocked: false,
        peer_read_seq: Some(Seq::new(7)),
        unread_count: 3,
        last_message: None,
        last_seq: Seq::new(9),
        read_seq: Seq::new(4),
        updated_at: at(4),
        pinned: true,
        muted: false,
    }
}

fn window() -> ConversationWindow {
    ConversationWindow {
        id: CONVERSATION,
        friend_id: user(2),
        friend_name: DisplayName::Erased,
        remark: Remark::default(),
        is_friend: false,
        read_seq: Seq::new(4),
        peer_read_seq: None,
        last_seq: Seq::new(9),
        has_more: true,
        messages: vec![],
    }
}

#[test]
fn without_read_receipts_no_member_sees_how_far_the_other_has_read() {
    for read_receipts in [true, false] {
        let mut conversations = MockConversationRepository::new();
        let seen = ConversationWindow { peer_read_seq: Some(Seq::new(3)), ..window() };
        conversations.expect_window().return_once(|_, _, _| Ok(Some(seen)));
        let service = ConversationService::new(Arc::new(conversations), read_receipts);
        let opened = block_on(service.open(user(1), CONVERSATION, &WindowRequest::default())).unwrap();
        assert_eq!(opened.peer_read_seq.is_some(), read_receipts);
    }
}

#[test]
fn the_list_is_the_requested_page_of_the_callers_conversations() {
    let after = ConversationCursor { pinned: true, updated_at: at(5), id: CONVERSATION };
    let request = ConversationPageRequest::parse(Some(1), Some(after)).unwrap();
    let page = ConversationPage { items: vec![summary()], next: Some(after) };
    let service = service(|conversations| {
        let page = page.clone();
        let expected = conversations.expect_list().with(eq(user(1)), eq(request.clone()));
        expected.once().return_once(|_, _| Ok(page));
    });
    assert_eq!(block_on(service.list(user(1), &request)).unwrap(), page);
}

#[test]
fn opening_returns_the_requested_window_and_changes_nothing() {
    let request = WindowRequest::parse(WindowAnchor::Before(Seq::new(8)), Some(2)).unwrap();
    let service = service(|conversations| {
        let expected = conversations.expect_window().with(eq(user(1)), eq(CONVERSATION), eq(request));
        expected.once().returning(|_, _, _| Ok(Some(window())));
    });
    assert_eq!(block_on(service.open(user(1), CONVERSATION, &request)).unwrap(), window());
}

#[test]
fn marking_as_read_moves_the_callers_own_position() {
    let position = ReadPosition { read_seq: Seq::new(7), unread_count: 1 };
    let service = service(|conversations| {
        let expected = conversations.expect_mark_read().with(eq(user(1)), eq(CONVERSATION), eq(Seq::new(7)));
        expected.once().returning(move |_, _, _| Ok(Some(position)));
    });
    assert_eq!(block_on(service.mark_read(user(1), CONVERSATION, Seq::new(7))).unwrap(), position);
}

#[test]
fn preferences_belong_to_the_caller() {
    let preferences = Preferences { pinned: Some(true), muted: None };
    let service = service(|conversations| {
        let expected =
            conversations.expect_set_preferences().with(eq(user(1)), eq(CONVERSATION), eq(preferences));
        expected.once().returning(|_, _, _| Ok(true));
    });
    assert_eq!(refusal(block_on(service.set_preferences(user(1), CONVERSATION, preferences))), None);
}

#[test]
fn clearing_affects_the_caller_only() {
    let service = service(|conversations| {
        let expected = conversations.expect_clear().with(eq(user(1)), eq(CONVERSATION));
        expected.once().returning(|_, _| Ok(true));
    });
    assert_eq!(refusal(block_on(service.clear(user(1), CONVERSATION))), None);
}

#[test]
fn a_conversation_of_others_does_not_exist_for_the_caller() {
    let service = service(|conversations| {
        conversations.expect_window().returning(|_, _, _| Ok(None));
        conversations.expect_mark_read().returning(|_, _, _| Ok(None));
        conversations.expect_set_preferences().returning(|_, _, _| Ok(false));
        conversations.expect_clear().returning(|_, _| Ok(false));
    });
    let unknown = Some("unknown_conversation");
    assert_eq!(refusal(block_on(service.open(user(1), CONVERSATION, &WindowRequest::default()))), unknown);
    assert_eq!(refusal(block_on(service.mark_read(user(1), CONVERSATION, Seq::new(1)))), unknown);
    let preferences = Preferences::default();
    assert_eq!(refusal(block_on(service.set_preferences(user(1), CONVERSATION, preferences))), unknown);
    assert_eq!(refusal(block_on(service.clear(user(1), CONVERSATION))), unknown);
}

#[test]
fn an_adapter_error_is_passed_on() {
    let service = service(|conversations| {
        conversations.expect_list().returning(|_, _| Err(fault()));
        conversations.expect_window().returning(|_, _, _| Err(fault()));
        conversations.expect_mark_read().returning(|_, _, _| Err(fault()));
        conversations.expect_set_preferences().returning(|_, _, _| Err(fault()));
        conversations.expect_clear().returning(|_, _| Err(fault()));
    });
    assert_fault(block_on(service.list(user(1), &ConversationPageRequest::default())));
    assert_fault(block_on(service.open(user(1), CONVERSATION, &WindowRequest::default())));
    assert_fault(block_on(service.mark_read(user(1), CONVERSATION, Seq::new(1))));
    assert_fault(block_on(service.set_preferences(user(1), CONVERSATION, Preferences::default())));
    assert_fault(block_on(service.clear(user(1), CONVERSATION)));
}

#[test]
fn the_size_of_an_answer_counts_names_remarks_and_last_messages() {
    let last_message = Message {
        id: MessageId { conversation: CONVERSATION, seq: Seq::new(9) },
        sender_id: user(2),
        state: MessageState::Visible(MessageBody::Text(MessageContent::parse("你好".to_owned()).unwrap())),
        client_message_id: None,
        created_at: at(4),
    };
    let entry = ConversationSummary {
        friend_name: DisplayName::Nickname(Nickname::parse("阿明").unwrap()),
        remark: Remark::parse("老王").unwrap(),
        last_message: Some(last_message),
        ..summary()
    };
    assert_eq!(counted_texts(&entry), ["阿明", "老王", "你好"]);
    // The other fields of an entry and of its last message take more than 500 and less than 1,000 bytes.
    let long = ConversationSummary { remark: Remark::parse(&"\u{1}".repeat(64)).unwrap(), ..entry };
    let entries = vec![long; 2_000];
    assert!((700..1_200).contains(&fitting(entries.iter())));
}
