//! Exporting one's account. The answer is written while it is read: see `export_stream` and `export_json`.

use actix_web::http::header::{CONTENT_DISPOSITION, ContentType};
use actix_web::{HttpResponse, get, web};
use domain::account::{PhoneNumber, User};
use domain::export::{ExportedConversation, ExportedMessage, ExportedSession};
use domain::message::ClientMessageId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::UseCases;
use crate::blocks::BlockItem;
use crate::conversations::Message;
use crate::envelope::{Data, display_name, timestamp};
use crate::error::ApiError;
use crate::export_stream;
use crate::extract::AuthUser;
use crate::friendship_requests::Request;
use crate::friendships::FriendItem;
use crate::language::Language;
use crate::shapes;

/// Everything that is held about an account.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it describes an answer that is never held as a whole")]
struct Export {
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
    #[schema(value_type = shapes::UserId)]
    user_id: String,
    #[schema(value_type = shapes::Uid)]
    uid: String,
    #[schema(value_type = shapes::Nickname)]
    name: String,
    #[schema(value_type = Option<shapes::PhoneNumber>, required)]
    phone_number: Option<String>,
    #[schema(value_type = shapes::Time)]
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
    #[schema(value_type = shapes::SessionId)]
    session_id: String,
    #[schema(value_type = shapes::DeviceName)]
    device_name: String,
    #[schema(value_type = shapes::Time)]
    created_at: String,
    #[schema(value_type = shapes::Time)]
    last_used_at: String,
    /// Null while it is open.
    #[schema(value_type = Option<shapes::Time>, required)]
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
    #[schema(value_type = shapes::ConversationId)]
    conversation_id: String,
    #[schema(value_type = shapes::UserId)]
    friend_id: String,
    #[schema(value_type = shapes::DisplayName)]
    friend_name: String,
    #[schema(value_type = shapes::Remark)]
    remark: String,
    #[schema(example = true)]
    is_friend: bool,
    #[schema(value_type = shapes::Seq)]
    read_seq: i64,
    #[schema(value_type = shapes::Seq)]
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
    #[schema(value_type = Option<shapes::ClientMessageId>, required)]
    client_message_id: Option<String>,
}

impl From<ExportedMessage> for OwnedMessage {
    fn from(message: ExportedMessage) -> Self {
        let key = message.client_message_id.as_ref().map(ClientMessageId::as_str).map(str::to_owned);
        Self { message: message.message.into(), client_message_id: key }
    }
}

/// Everything that is held about the caller, as one moment shows it. The answer is streamed; one that breaks off is not
/// complete.
#[utoipa::path(tag = "accounts", responses((status = 200, body = Data<Export>)), security(("token" = [])))]
#[get("/api/auth/me/export")]
pub(crate) async fn export(
    caller: AuthUser,
    use_cases: web::Data<UseCases>,
    language: Language,
) -> Result<HttpResponse, ApiError> {
    let reader = use_cases.exports.open(caller.id()).await?;
    Ok(HttpResponse::Ok()
        .content_type(ContentType::json())
        .insert_header((CONTENT_DISPOSITION, "attachment; filename=\"hongyan-export.json\""))
        .streaming(export_stream::start(reader, language)))
}
