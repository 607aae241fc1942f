//! Private values must not appear in `Debug` output.

use std::fmt::Debug;
use std::time::Duration;

use domain::account::{AccountSummary, DisplayName, Nickname, PhoneNumber, Sharing, Uid, User};
use domain::auth::{IssuedTokens, LoggedIn};
use domain::conversation::{ConversationSummary, ConversationWindow};
use domain::export::ExportedConversation;
use domain::friendship::{Friend, Remark};
use domain::friendship_request::{Direction, ListedRequest, RequestStatus, VerificationMessage};
use domain::id::{ConversationId, FriendshipId, RequestId};
use domain::message::{Message, MessageBody, MessageContent, MessageId, MessageState, Seq};
use domain::testing::{at, user};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::http::language::Language;
use crate::rest::{
    auth, conversations, export, friendship_requests, friendships, messages, search, sessions, users,
};

const CANARY: &str = "canary-in-a-mine";
const CANARY_NUMBER: &str = "13800138000";
const CONVERSATION: ConversationId = ConversationId::from_uuid(Uuid::from_u128(9));

/// Formats the value and checks that it prints neither canary.
fn assert_silent(value: &impl Debug) {
    let printed = format!("{value:?} {value:#?}");
    assert!(!printed.contains(CANARY) && !printed.contains(CANARY_NUMBER), "{printed}");
}

fn assert_request_is_silent<T: DeserializeOwned + Debug>(body: Value) {
    assert_silent(&serde_json::from_value::<T>(body).unwrap());
}

fn account() -> User {
    User {
        id: user(1),
        uid: Uid::parse("goose_11").unwrap(),
        name: Nickname::parse("雁").unwrap(),
        phone_number: Some(PhoneNumber::parse(CANARY_NUMBER).unwrap()),
        created_at: at(0),
    }
}

fn remark() -> Remark {
    Remark::parse(CANARY).unwrap()
}

fn message() -> Message {
    Message {
        id: MessageId { conversation: CONVERSATION, seq: Seq::new(1) },
        sender_id: user(1),
        state: MessageState::Visible(MessageBody::Text(MessageContent::parse(CANARY.to_owned()).unwrap())),
        client_message_id: None,
        created_at: at(1),
    }
}

#[test]
fn requests_print_no_private_values() {
    assert_request_is_silent::<auth::RegisterRequest>(
        json!({"name": "雁", "password": CANARY, "uid": "goose_11", "phone_number": CANARY_NUMBER, "invite_code": CANARY}),
    );
    assert_request_is_silent::<auth::UidLoginRequest>(json!({"uid": "goose_11", "password": CANARY}));
    assert_request_is_silent::<auth::PhoneLoginRequest>(
        json!({"phone_number": CANARY_NUMBER, "password": CANARY}),
    );
    assert_request_is_silent::<sessions::ChangePasswordRequest>(
        json!({"old_password": CANARY, "new_password": CANARY}),
    );
    assert_request_is_silent::<users::EraseAccountRequest>(json!({"password": CANARY}));
    assert_request_is_silent::<messages::SendRequest>(json!({"receiver_id": "1", "content": CANARY}));
    assert_request_is_silent::<friendship_requests::CreateRequest>(
        json!({"receiver_id": "1", "verification_message": CANARY}),
    );
    assert_request_is_silent::<friendships::RemarkRequest>(json!({"remark": CANARY}));
    assert_request_is_silent::<search::SearchParams>(json!({"q": CANARY}));
}

#[test]
fn responses_about_accounts_print_no_private_values() {
    let tokens =
        IssuedTokens { access: CANARY.into(), refresh: CANARY.into(), expires_in: Duration::from_secs(600) };
    assert_silent(&auth::TokensResponse::from(tokens.clone()));
    assert_silent(&auth::LoginResponse::from(LoggedIn { user: account(), tokens }));
    let sharing = Sharing { read: true, typing: true };
    let summary = AccountSummary { user: account(), unread_total: 0, pending_requests: 0, sharing };
    assert_silent(&users::AccountResponse::from(summary));
    assert_silent(&export::items::ExportedAccountItem::from(&account()));
    let friend = Friend {
        friendship_id: FriendshipId::from_uuid(Uuid::from_u128(3)),
        friend_id: user(2),
        conversation_id: CONVERSATION,
        friend_name: DisplayName::Erased,
        friend_uid: None,
        remark: remark(),
        created_at: at(0),
    };
    assert_silent(&friendships::FriendItem::new(&friend, Language::Chinese));
    let request = ListedRequest {
        id: RequestId::from_uuid(Uuid::from_u128(4)),
        peer: user(2),
        peer_uid: None,
        peer_name: DisplayName::Erased,
        verification_message: VerificationMessage::parse(CANARY).unwrap(),
        status: RequestStatus::Pending,
        created_at: at(0),
    };
    assert_silent(&friendship_requests::RequestItem::new(&request, Direction::Sent, Language::Chinese));
}

#[test]
fn responses_about_messages_print_no_private_values() {
    assert_silent(&messages::MessageItem::from(message()));
    assert_silent(&search::FoundMessage::from(message()));
}

#[test]
fn responses_about_conversations_print_no_private_values() {
    let summary = ConversationSummary {
        id: CONVERSATION,
        friend_id: user(2),
        friend_uid: None,
        friend_name: DisplayName::Erased,
        remark: remark(),
        is_friend: true,
        blocked: false,
        peer_read_seq: None,
        unread_count: 1,
        last_message: Some(message()),
        last_seq: Seq::new(1),
        read_seq: Seq::new(0),
        updated_at: at(1),
        pinned: false,
        muted: false,
    };
    assert_silent(&conversations::ConversationItem::new(summary, Language::Chinese));
    let window = ConversationWindow {
        id: CONVERSATION,
        friend_id: user(2),
        friend_name: DisplayName::Erased,
        remark: remark(),
        is_friend: true,
        read_seq: Seq::new(0),
        peer_read_seq: None,
        last_seq: Seq::new(1),
        has_more: false,
        messages: vec![message()],
    };
    assert_silent(&conversations::WindowResponse::new(window, Language::Chinese));
}

#[test]
fn exported_conversations_print_no_private_values() {
    let conversation = ExportedConversation {
        id: CONVERSATION,
        friend_id: user(2),
        friend_name: DisplayName::Erased,
        remark: remark(),
        is_friend: true,
        read_seq: Seq::new(0),
        last_seq: Seq::new(1),
        pinned: false,
        muted: false,
        hidden: false,
    };
    assert_silent(&export::items::ExportedConversationItem::new(&conversation, Language::Chinese));
}
