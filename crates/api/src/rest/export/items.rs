//! The rows of an export.

use domain::export::{ExportedConversation, ExportedMessage, ExportedSession};
use domain::message::ClientMessageId;
use domain::user::{PhoneNumber, User};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::language::Language;
use crate::openapi::schemas;
use crate::response::envelope::{display_name, timestamp};
use crate::rest::blocks::BlockItem;
use crate::rest::friendship_requests::Request;
use crate::rest::friendships::FriendItem;
use crate::rest::messages::Message;

/// Everything that is held about an account.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it describes an answer that is never held as a whole")]
pub(crate) struct Export {
    account: Account,
    /// Open and ended ones, oldest first.
    sessions: Vec<Session>,
    friendships: Vec<FriendItem>,
    requests_received: Vec<Request>,
    #[schema(example = json!([]))]
    requests_sent: Vec<Request>,
    blocks: Vec<BlockItem>,
    /// All of them, those out of the list too.
    conversations: Vec<ConversationWithMessages>,
}

/// The account itself.
#[derive(Serialize, ToSchema)]
pub(crate) struct Account {
    #[schema(value_type = schemas::UserId)]
    user_id: String,
    #[schema(value_type = schemas::Uid)]
    uid: String,
    #[schema(value_type = schemas::Nickname)]
    name: String,
    #[schema(value_type = Option<schemas::PhoneNumber>, required)]
    phone_number: Option<String>,
    #[schema(value_type = schemas::Time)]
    created_at: String,
}

impl From<&User> for Account {
    fn from(user: &User) -> Self {
        Self {
            user_id: user.id.to_string(),
            uid: user.uid.as_str().to_owned(),
            name: user.name.as_str().to_owned(),
            phone_number: user.phone_number.as_ref().map(PhoneNumber::as_str).map(str::to_owned),
            created_at: timestamp(user.created_at),
        }
    }
}

/// A session, as far as it is kept.
#[derive(Serialize, ToSchema)]
#[schema(as = ExportedSession)]
pub(crate) struct Session {
    #[schema(value_type = schemas::SessionId)]
    session_id: String,
    #[schema(value_type = schemas::DeviceName)]
    device_name: String,
    #[schema(value_type = schemas::Time)]
    created_at: String,
    #[schema(value_type = schemas::Time)]
    last_used_at: String,
    /// Null while it is open.
    #[schema(value_type = Option<schemas::Time>, required)]
    ended_at: Option<String>,
}

impl From<&ExportedSession> for Session {
    fn from(session: &ExportedSession) -> Self {
        Self {
            session_id: session.id.to_string(),
            device_name: session.device.as_str().to_owned(),
            created_at: timestamp(session.created_at),
            last_used_at: timestamp(session.last_used_at),
            ended_at: session.ended_at.map(timestamp),
        }
    }
}

/// How the caller keeps a conversation.
#[derive(Serialize, ToSchema)]
#[schema(as = ExportedConversation)]
pub(crate) struct Conversation {
    #[schema(value_type = schemas::ConversationId)]
    conversation_id: String,
    #[schema(value_type = schemas::UserId)]
    friend_id: String,
    #[schema(value_type = schemas::DisplayName)]
    friend_name: String,
    #[schema(value_type = schemas::Remark)]
    remark: String,
    #[schema(example = true)]
    is_friend: bool,
    #[schema(value_type = schemas::Seq)]
    read_seq: i64,
    #[schema(value_type = schemas::Seq)]
    last_seq: i64,
    #[schema(example = false)]
    pinned: bool,
    #[schema(example = false)]
    muted: bool,
    /// Out of the list until a new message comes.
    #[schema(example = false)]
    hidden: bool,
}

impl Conversation {
    pub(crate) fn new(conversation: &ExportedConversation, language: Language) -> Self {
        Self {
            conversation_id: conversation.id.to_string(),
            friend_id: conversation.friend_id.to_string(),
            friend_name: display_name(&conversation.friend_name, language),
            remark: conversation.remark.as_str().to_owned(),
            is_friend: conversation.is_friend,
            read_seq: conversation.read_seq.get(),
            last_seq: conversation.last_seq.get(),
            pinned: conversation.pinned,
            muted: conversation.muted,
            hidden: conversation.hidden,
        }
    }
}

/// A conversation and what the caller can see of its messages, oldest first.
#[derive(Serialize, ToSchema)]
struct ConversationWithMessages {
    #[serde(flatten)]
    conversation: Conversation,
    messages: Vec<OwnedMessage>,
}

/// A message, with the key that the caller gave it.
#[derive(Serialize, ToSchema)]
#[schema(as = ExportedMessage)]
pub(crate) struct OwnedMessage {
    #[serde(flatten)]
    message: Message,
    /// Null unless the caller sent it with one.
    #[schema(value_type = Option<schemas::ClientMessageId>, required)]
    client_message_id: Option<String>,
}

impl From<ExportedMessage> for OwnedMessage {
    fn from(message: ExportedMessage) -> Self {
        let key = message.client_message_id.as_ref().map(ClientMessageId::as_str).map(str::to_owned);
        Self { message: message.message.into(), client_message_id: key }
    }
}
