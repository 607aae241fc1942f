//! Conversations.

use std::mem;

use actix_web::{delete, get, patch, put, web};
use chrono::{DateTime, Utc};
use domain::account::Uid;
use domain::conversation::{ConversationSummary, ConversationWindow, Preferences};
use domain::id::ConversationId;
use domain::message::Seq;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::extract::{AuthUser, Json, PathId, Query, whole_number};
use crate::http::conditional::{JsonWithEtag, WithEtag};
use crate::http::language::Language;
use crate::openapi::schemas;
use crate::redacted::Redacted;
use crate::response::cursor::{Cursor, PageParams};
use crate::response::envelope::{Data, Done, Envelope, PageOf, display_name};
use crate::response::error::ApiError;
use crate::response::invalid_field::AtField;
use crate::response::timestamp;
use crate::rest::message_json;
use crate::rest::messages::MessageItem;
use crate::rest::window_params::WindowParams;
use crate::state::UseCases;

/// A conversation in the list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Conversation)]
pub(super) struct ConversationItem {
    #[schema(value_type = schemas::ConversationId)]
    conversation_id: Uuid,
    #[schema(value_type = schemas::PeerId)]
    friend_id: Uuid,
    /// 微信号; null once the account is erased.
    #[schema(value_type = Option<schemas::PeerUid>, required)]
    friend_uid: Option<String>,
    #[schema(value_type = schemas::DisplayName)]
    friend_name: String,
    #[schema(value_type = schemas::Remark)]
    remark: Redacted<String>,
    #[schema(example = true)]
    is_friend: bool,
    /// Whether the caller blocks the other.
    #[schema(example = false)]
    blocked: bool,
    /// The friend's read position; null unless the two are friends.
    #[schema(value_type = Option<schemas::Seq>, required)]
    peer_read_seq: Option<i64>,
    #[schema(minimum = 0, example = 0)]
    unread_count: i64,
    /// The newest message that the caller can see.
    #[schema(required)]
    last_message: Option<MessageItem>,
    #[schema(value_type = schemas::Seq)]
    last_seq: i64,
    #[schema(value_type = schemas::Seq)]
    read_seq: i64,
    #[serde(serialize_with = "timestamp::serialize")]
    #[schema(value_type = schemas::Timestamp)]
    updated_at: DateTime<Utc>,
    #[schema(example = false)]
    pinned: bool,
    #[schema(example = false)]
    muted: bool,
}

impl ConversationItem {
    pub(super) fn new(conversation: ConversationSummary, language: Language) -> Self {
        Self {
            conversation_id: conversation.id.as_uuid(),
            friend_id: conversation.friend_id.as_uuid(),
            friend_uid: conversation.friend_uid.as_ref().map(Uid::as_str).map(str::to_owned),
            friend_name: display_name(&conversation.friend_name, language),
            remark: Redacted(conversation.remark.as_str().to_owned()),
            is_friend: conversation.is_friend,
            blocked: conversation.blocked,
            peer_read_seq: conversation.peer_read_seq.map(Seq::get),
            unread_count: conversation.unread_count,
            last_message: conversation.last_message.map(MessageItem::from),
            last_seq: conversation.last_seq.get(),
            read_seq: conversation.read_seq.get(),
            updated_at: conversation.updated_at,
            pinned: conversation.pinned,
            muted: conversation.muted,
        }
    }
}

/// List conversations.
#[utoipa::path(tag = "conversations", params(PageParams), responses((status = 200, body = PageOf<ConversationItem>), (status = 304)),
    security(("token" = [])))]
#[get("/api/auth/conversations")]
pub(crate) async fn list_conversations(
    caller: AuthUser,
    Query(page): Query<PageParams>,
    use_cases: web::Data<UseCases>,
    language: Language,
) -> Result<WithEtag<PageOf<ConversationItem>>, ApiError> {
    let page = use_cases.conversations.list(caller.id(), &page.parse()?).await?;
    let items = page.items.into_iter().map(|item| ConversationItem::new(item, language)).collect();
    Ok(WithEtag(PageOf::new(items, page.next.map(|next| next.encode()))))
}

/// An open conversation.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConversationPage)]
pub(super) struct WindowResponse {
    #[schema(value_type = schemas::ConversationId)]
    conversation_id: Uuid,
    #[schema(value_type = schemas::PeerId)]
    friend_id: Uuid,
    #[schema(value_type = schemas::DisplayName)]
    friend_name: String,
    #[schema(value_type = schemas::Remark)]
    remark: Redacted<String>,
    #[schema(example = true)]
    is_friend: bool,
    #[schema(value_type = schemas::Seq)]
    read_seq: i64,
    /// The friend's read position; null unless the two are friends.
    #[schema(value_type = Option<schemas::Seq>, required)]
    peer_read_seq: Option<i64>,
    #[schema(value_type = schemas::Seq)]
    last_seq: i64,
    /// Whether there are more messages in the direction of the request.
    #[schema(example = false)]
    has_more: bool,
    /// Oldest first.
    messages: Vec<MessageItem>,
}

impl WindowResponse {
    pub(super) fn new(window: ConversationWindow, language: Language) -> Self {
        Self {
            conversation_id: window.id.as_uuid(),
            friend_id: window.friend_id.as_uuid(),
            friend_name: display_name(&window.friend_name, language),
            remark: Redacted(window.remark.as_str().to_owned()),
            is_friend: window.is_friend,
            read_seq: window.read_seq.get(),
            peer_read_seq: window.peer_read_seq.map(Seq::get),
            last_seq: window.last_seq.get(),
            has_more: window.has_more,
            messages: window.messages.into_iter().map(MessageItem::from).collect(),
        }
    }
}

/// Read a conversation.
#[utoipa::path(tag = "conversations", params(("conversation_id" = schemas::ConversationId, Path), WindowParams),
    responses((status = 200, body = Data<WindowResponse>), (status = 304)), security(("token" = [])),
    extensions(("x-errors" = json!(["unknown_conversation"]))))]
#[get("/api/auth/conversations/{conversation_id}")]
pub(crate) async fn open_conversation(
    caller: AuthUser,
    PathId(conversation): PathId,
    Query(query): Query<WindowParams>,
    use_cases: web::Data<UseCases>,
    language: Language,
) -> Result<JsonWithEtag, ApiError> {
    let conversation = ConversationId::parse(&conversation).field("conversation_id")?;
    let window = use_cases.conversations.open(caller.id(), conversation, &query.parse()?).await?;
    window_json(window, language).map(JsonWithEtag).map_err(ApiError::internal)
}

/// The response to a request for a window. Its messages, which end it, are written by hand.
fn window_json(mut window: ConversationWindow, language: Language) -> serde_json::Result<Vec<u8>> {
    const END: &[u8] = b"]}}";
    let messages = mem::take(&mut window.messages);
    let mut body = message_json::body_for(&messages);
    let envelope = Data::new(WindowResponse::new(window, language)).localized(language);
    serde_json::to_writer(&mut body, &envelope)?;
    body.truncate(body.len().saturating_sub(END.len()));
    message_json::append_messages(&mut body, &messages)?;
    body.extend_from_slice(END);
    Ok(body)
}

/// A new read position.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ReadPosition)]
struct MarkReadRequest {
    #[serde(deserialize_with = "whole_number")]
    #[schema(value_type = schemas::Seq)]
    seq: i64,
}

/// The read position and what remains unread.
#[derive(Debug, Serialize, ToSchema)]
struct ReadState {
    #[schema(value_type = schemas::Seq)]
    read_seq: i64,
    #[schema(minimum = 0, example = 0)]
    unread_count: i64,
}

/// Mark as read.
#[utoipa::path(tag = "conversations", params(("conversation_id" = schemas::ConversationId, Path)),
    responses((status = 200, body = Data<ReadState>)), security(("token" = [])),
    extensions(("x-errors" = json!(["unknown_conversation"]))))]
#[put("/api/auth/conversations/{conversation_id}/read")]
pub(crate) async fn mark_conversation_read(
    caller: AuthUser,
    PathId(conversation): PathId,
    Json(body): Json<MarkReadRequest>,
    use_cases: web::Data<UseCases>,
) -> Result<Data<ReadState>, ApiError> {
    let conversation = ConversationId::parse(&conversation).field("conversation_id")?;
    let seq = Seq::parse(body.seq).field("seq")?;
    let position = use_cases.conversations.mark_read(caller.id(), conversation, seq).await?;
    let state = ReadState { read_seq: position.read_seq.get(), unread_count: position.unread_count };
    Ok(Data::new(state))
}

/// Changed preferences; omitted fields keep their values.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ConversationPreferences)]
struct PreferencesPatch {
    /// Whether the conversation stays on top of the list.
    #[schema(example = true)]
    pinned: Option<bool>,
    /// Whether notifications are off.
    #[schema(example = false)]
    muted: Option<bool>,
}

/// Pin or mute conversation.
#[utoipa::path(tag = "conversations", params(("conversation_id" = schemas::ConversationId, Path)),
    responses((status = 200, body = Done)), security(("token" = [])),
    extensions(("x-errors" = json!(["unknown_conversation"]))))]
#[patch("/api/auth/conversations/{conversation_id}")]
pub(crate) async fn update_conversation(
    caller: AuthUser,
    PathId(conversation): PathId,
    Json(body): Json<PreferencesPatch>,
    use_cases: web::Data<UseCases>,
) -> Result<Done, ApiError> {
    let conversation = ConversationId::parse(&conversation).field("conversation_id")?;
    let preferences = Preferences { pinned: body.pinned, muted: body.muted };
    use_cases.conversations.set_preferences(caller.id(), conversation, preferences).await?;
    Ok(Done::new())
}

/// Clear a conversation.
#[utoipa::path(tag = "conversations", params(("conversation_id" = schemas::ConversationId, Path)),
    responses((status = 200, body = Done)), security(("token" = [])),
    extensions(("x-errors" = json!(["unknown_conversation"]))))]
#[delete("/api/auth/conversations/{conversation_id}")]
pub(crate) async fn clear_conversation(
    caller: AuthUser,
    PathId(conversation): PathId,
    use_cases: web::Data<UseCases>,
) -> Result<Done, ApiError> {
    let conversation = ConversationId::parse(&conversation).field("conversation_id")?;
    use_cases.conversations.clear(caller.id(), conversation).await?;
    Ok(Done::new())
}
