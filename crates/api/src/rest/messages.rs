//! Messages.

use actix_web::{delete, post, web};
use chrono::{DateTime, Utc};
use domain::id::UserId;
use domain::message::{ClientMessageId, MessageBody, MessageContent, MessageId, SentMessage};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::extract::{AuthUser, Json, OptionalJson, Query, UncountedCaller};
use crate::openapi::schemas;
use crate::redacted::Redacted;
use crate::response::envelope::{Done, envelopes};
use crate::response::error::ApiError;
use crate::response::invalid_field::AtField;
use crate::response::timestamp;
use crate::state::UseCases;

/// A message.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Message)]
pub(crate) struct MessageItem {
    #[schema(value_type = schemas::MessageId)]
    message_id: String,
    /// Its position in the conversation: 1, 2, 3… without gaps.
    #[schema(value_type = schemas::Seq)]
    seq: i64,
    #[schema(value_type = schemas::UserId)]
    sender_id: Uuid,
    /// The idempotency key of the caller's own message; null without one, and for each message of the other.
    #[schema(value_type = Option<schemas::ClientMessageId>, required)]
    client_message_id: Option<String>,
    /// Null after a recall.
    #[schema(value_type = Option<schemas::MessageText>, required)]
    content: Option<Redacted<String>>,
    #[schema(example = false)]
    recalled: bool,
    #[serde(serialize_with = "timestamp::serialize")]
    #[schema(value_type = schemas::Timestamp)]
    created_at: DateTime<Utc>,
}

impl From<domain::message::Message> for MessageItem {
    fn from(message: domain::message::Message) -> Self {
        Self {
            message_id: message.id.to_string(),
            seq: message.id.seq.get(),
            sender_id: message.sender_id.as_uuid(),
            recalled: message.state.is_recalled(),
            content: message.state.into_text().map(|text| Redacted(text.into_inner())),
            client_message_id: message.client_message_id.map(ClientMessageId::into_inner),
            created_at: message.created_at,
        }
    }
}

/// A message to send.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = MessageDraft)]
pub(super) struct SendRequest {
    /// The friend's user id.
    #[schema(value_type = schemas::PeerId)]
    receiver_id: String,
    /// 1–5000 characters, not only whitespace.
    #[schema(value_type = schemas::MessageText)]
    content: Redacted<String>,
    /// Idempotency key, 1–64 characters: sending the same message again under the same key stores it once.
    #[schema(value_type = Option<schemas::ClientMessageId>)]
    client_message_id: Option<String>,
}

/// Where and when a message was stored.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SentMessage)]
pub(crate) struct SentItem {
    #[schema(value_type = schemas::MessageId)]
    message_id: String,
    #[schema(value_type = schemas::ConversationId)]
    conversation_id: Uuid,
    #[schema(value_type = schemas::Seq)]
    seq: i64,
    #[serde(serialize_with = "timestamp::serialize")]
    #[schema(value_type = schemas::Timestamp)]
    created_at: DateTime<Utc>,
}

impl From<SentMessage> for SentItem {
    fn from(message: SentMessage) -> Self {
        Self {
            message_id: message.id.to_string(),
            conversation_id: message.id.conversation.as_uuid(),
            seq: message.id.seq.get(),
            created_at: message.created_at,
        }
    }
}

/// Success of a send.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MessageSent)]
pub(crate) struct SendResponse {
    /// 200.
    #[schema(example = 200)]
    code: u16,
    /// For users, in their language.
    #[schema(example = "成功")]
    message: &'static str,
    /// The message's id.
    #[schema(value_type = schemas::MessageId)]
    data: String,
    /// The message's place and time, the same for each repetition under one key.
    sent: SentItem,
}
envelopes!(SendResponse);

impl SendResponse {
    fn new(message: SentMessage) -> Self {
        let Done { code, message: text } = Done::new();
        Self { code, message: text, data: message.id.to_string(), sent: message.into() }
    }
}

/// Send a message.
#[utoipa::path(tag = "messages", responses((status = 200, body = SendResponse)), security(("token" = [])),
    extensions(("x-errors" = json!(["cannot_message_oneself", "not_friends", "blocked", "idempotency_conflict",
        "message_quota_used_up", "message_volume_used_up"]))))]
#[post("/api/auth/messages")]
pub(crate) async fn send_message(
    caller: UncountedCaller,
    Json(body): Json<SendRequest>,
    use_cases: web::Data<UseCases>,
) -> Result<SendResponse, ApiError> {
    let receiver = UserId::parse(&body.receiver_id).field("receiver_id")?;
    let text = MessageBody::Text(MessageContent::parse(body.content.0).field("content")?);
    let key = body.client_message_id.map(ClientMessageId::parse).transpose().field("client_message_id")?;
    Ok(SendResponse::new(use_cases.messages.send(caller.id(), receiver, text, key).await?))
}

/// The message to change.
#[derive(Debug, Deserialize, ToSchema)]
struct MessageRef {
    #[schema(value_type = schemas::MessageId)]
    message_id: String,
}

/// The message to change, for clients behind proxies that drop the body of a `DELETE`. The OpenAPI document leaves it out: generators
/// would offer both.
#[derive(Debug, Deserialize)]
struct MessageParams {
    /// Used when there is no body.
    message_id: Option<String>,
}

/// The message id from the body, or else from the query string.
fn message_id(body: Option<MessageRef>, query: MessageParams) -> Result<MessageId, ApiError> {
    let id = body.map(|body| body.message_id).or(query.message_id);
    let id = id.ok_or_else(|| ApiError::missing_field("message_id".to_owned()))?;
    Ok(MessageId::parse(&id).field("message_id")?)
}

/// Recall a message.
#[utoipa::path(tag = "messages", request_body = MessageRef,
    responses((status = 200, body = Done)), security(("token" = [])),
    extensions(("x-errors" = json!(["unknown_message", "recall_window_over"]))))]
#[delete("/api/auth/message/recall")]
pub(crate) async fn recall_message(
    caller: AuthUser,
    OptionalJson(body): OptionalJson<MessageRef>,
    Query(query): Query<MessageParams>,
    use_cases: web::Data<UseCases>,
) -> Result<Done, ApiError> {
    use_cases.messages.recall(caller.id(), message_id(body, query)?).await?;
    Ok(Done::new())
}

/// Recall a message (alias).
#[utoipa::path(tag = "messages", request_body = MessageRef,
    responses((status = 200, body = Done)), security(("token" = [])),
    extensions(("x-errors" = json!(["unknown_message", "recall_window_over"]))))]
#[delete("/api/auth/messages/recall")]
pub(crate) async fn recall_message_plural(
    caller: AuthUser,
    OptionalJson(body): OptionalJson<MessageRef>,
    Query(query): Query<MessageParams>,
    use_cases: web::Data<UseCases>,
) -> Result<Done, ApiError> {
    use_cases.messages.recall(caller.id(), message_id(body, query)?).await?;
    Ok(Done::new())
}

/// Delete a message.
#[utoipa::path(tag = "messages", request_body = MessageRef,
    responses((status = 200, body = Done)), security(("token" = [])),
    extensions(("x-errors" = json!(["unknown_message"]))))]
#[delete("/api/auth/message/delete")]
pub(crate) async fn delete_message(
    caller: AuthUser,
    OptionalJson(body): OptionalJson<MessageRef>,
    Query(query): Query<MessageParams>,
    use_cases: web::Data<UseCases>,
) -> Result<Done, ApiError> {
    use_cases.messages.delete(caller.id(), message_id(body, query)?).await?;
    Ok(Done::new())
}

/// Delete a message (alias).
#[utoipa::path(tag = "messages", request_body = MessageRef,
    responses((status = 200, body = Done)), security(("token" = [])),
    extensions(("x-errors" = json!(["unknown_message"]))))]
#[delete("/api/auth/messages/delete")]
pub(crate) async fn delete_message_plural(
    caller: AuthUser,
    OptionalJson(body): OptionalJson<MessageRef>,
    Query(query): Query<MessageParams>,
    use_cases: web::Data<UseCases>,
) -> Result<Done, ApiError> {
    use_cases.messages.delete(caller.id(), message_id(body, query)?).await?;
    Ok(Done::new())
}
