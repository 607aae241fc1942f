//! The objects of an export.

use domain::account::User;
use domain::export::{ExportedConversation, ExportedSession};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::language::Language;
use crate::openapi::schemas;
use crate::redacted::Redacted;
use crate::response::envelope::display_name;
use crate::response::timestamp::timestamp;
use crate::rest::blocks::BlockItem;
use crate::rest::friendship_requests::{ReceivedRequestItem, SentRequestItem};
use crate::rest::friendships::FriendItem;
use crate::rest::messages::MessageItem;

/// Everything the server holds about an account.
#[derive(ToSchema)]
#[schema(as = AccountExport)]
#[expect(dead_code, reason = "describes a document that is streamed and never held in memory")]
pub(crate) struct ExportDocument {
    account: ExportedAccountItem,
    /// Open and ended sessions, oldest first.
    sessions: Vec<ExportedSessionItem>,
    friendships: Vec<FriendItem>,
    requests_received: Vec<ReceivedRequestItem>,
    requests_sent: Vec<SentRequestItem>,
    blocks: Vec<BlockItem>,
    /// All conversations, including hidden ones.
    conversations: Vec<ConversationWithMessages>,
}

/// The account itself.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ExportedAccount)]
pub(crate) struct ExportedAccountItem {
    #[schema(value_type = schemas::UserId)]
    user_id: String,
    #[schema(value_type = schemas::Uid)]
    uid: String,
    #[schema(value_type = schemas::Nickname)]
    name: String,
    #[schema(value_type = Option<schemas::PhoneNumber>, required)]
    phone_number: Option<Redacted<String>>,
    #[schema(value_type = schemas::Timestamp)]
    created_at: String,
}

impl From<&User> for ExportedAccountItem {
    fn from(user: &User) -> Self {
        Self {
            user_id: user.id.to_string(),
            uid: user.uid.as_str().to_owned(),
            name: user.name.as_str().to_owned(),
            phone_number: user.phone_number.as_ref().map(|number| Redacted(number.as_str().to_owned())),
            created_at: timestamp(user.created_at),
        }
    }
}

/// An open or ended session.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ExportedSession)]
pub(crate) struct ExportedSessionItem {
    #[schema(value_type = schemas::SessionId)]
    session_id: String,
    #[schema(value_type = schemas::DeviceName)]
    device_name: String,
    #[schema(value_type = schemas::Timestamp)]
    created_at: String,
    #[schema(value_type = schemas::Timestamp)]
    last_used_at: String,
    /// Null while it is open.
    #[schema(value_type = Option<schemas::Timestamp>, required)]
    ended_at: Option<String>,
}

impl From<&ExportedSession> for ExportedSessionItem {
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

/// A conversation with the caller's settings.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ExportedConversation)]
pub(crate) struct ExportedConversationItem {
    #[schema(value_type = schemas::ConversationId)]
    conversation_id: String,
    #[schema(value_type = schemas::PeerId)]
    friend_id: String,
    #[schema(value_type = schemas::DisplayName)]
    friend_name: String,
    #[schema(value_type = schemas::Remark)]
    remark: Redacted<String>,
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
    /// Whether it is left out of the list until a new message arrives.
    #[schema(example = false)]
    hidden: bool,
}

impl ExportedConversationItem {
    pub(crate) fn new(conversation: &ExportedConversation, language: Language) -> Self {
        Self {
            conversation_id: conversation.id.to_string(),
            friend_id: conversation.friend_id.to_string(),
            friend_name: display_name(&conversation.friend_name, language),
            remark: Redacted(conversation.remark.as_str().to_owned()),
            is_friend: conversation.is_friend,
            read_seq: conversation.read_seq.get(),
            last_seq: conversation.last_seq.get(),
            pinned: conversation.pinned,
            muted: conversation.muted,
            hidden: conversation.hidden,
        }
    }
}

/// A conversation and the messages that the caller can see, oldest first.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ExportedHistory)]
struct ConversationWithMessages {
    #[serde(flatten)]
    conversation: ExportedConversationItem,
    messages: Vec<MessageItem>,
}
