//! Messages.

use actix_web::{delete, post, web};
use domain::id::UserId;
use domain::message::{ClientMessageId, MessageContent, MessageId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::extract::{AuthUser, Json, OptionalJson, Query};
use crate::http::language::Language;
use crate::openapi::schemas;
use crate::response::envelope::{Data, Done, timestamp};
use crate::response::error::ApiError;
use crate::state::UseCases;

/// A message.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Message {
    #[schema(value_type = schemas::MessageId)]
    message_id: String,
    /// Its place in the conversation: 1, 2, 3… without gaps.
    #[schema(value_type = schemas::Seq)]
    seq: i64,
    #[schema(value_type = schemas::UserId)]
    sender_id: String,
    /// Null once it was recalled.
    #[schema(value_type = Option<schemas::MessageText>, required)]
    content: Option<String>,
    #[schema(example = false)]
    recalled: bool,
    #[schema(value_type = schemas::Time)]
    created_at: String,
}

impl From<domain::message::Message> for Message {
    fn from(message: domain::message::Message) -> Self {
        Self {
            message_id: message.id.to_string(),
            seq: message.id.seq.get(),
            sender_id: message.sender_id.to_string(),
            recalled: message.content.is_none(),
            content: message.content.map(MessageContent::into_inner),
            created_at: timestamp(message.created_at),
        }
    }
}

/// A message to be sent.
#[derive(Deserialize, ToSchema)]
struct NewMessage {
    /// The friend's user id.
    #[schema(value_type = schemas::UserId)]
    receiver_id: String,
    /// 1–5000 characters, not only white space.
    #[schema(value_type = schemas::MessageText)]
    content: String,
    /// 1–64 characters; sending the same again under the same key stores it once.
    #[schema(value_type = Option<schemas::ClientMessageId>)]
    client_message_id: Option<String>,
}

/// Sends a message to a friend. The answer means that it is stored durably; `data` is the message's id.
#[utoipa::path(tag = "messages", responses((status = 200, body = Data<schemas::MessageId>)), security(("token" = [])),
    extensions(("x-errors" = json!(["cannot_message_oneself", "not_friends", "blocked", "idempotency_conflict",
        "message_quota_used_up"]))))]
#[post("/api/auth/messages")]
pub(crate) async fn send(
    caller: AuthUser,
    Json(body): Json<NewMessage>,
    use_cases: web::Data<UseCases>,
    language: Language,
) -> Result<Data<String>, ApiError> {
    let receiver = UserId::parse("receiver_id", &body.receiver_id)?;
    let content = MessageContent::parse(body.content)?;
    let key = body.client_message_id.map(ClientMessageId::parse).transpose()?;
    let message = use_cases.messages.send(caller.id(), receiver, content, key).await?;
    Ok(Data::new(language, message.to_string()))
}

/// Which message.
#[derive(Debug, Deserialize, ToSchema)]
struct MessageRef {
    #[schema(value_type = schemas::MessageId)]
    message_id: String,
}

/// Which message, for clients behind proxies that drop the body of a `DELETE`.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct MessageQuery {
    /// Read when there is no body.
    #[param(pattern = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-[1-9][0-9]{0,17}$")]
    message_id: Option<String>,
}

/// The message that a request names, in its body or else in its query string.
fn named(body: Option<MessageRef>, query: MessageQuery) -> Result<MessageId, ApiError> {
    let id = body.map(|body| body.message_id).or(query.message_id);
    let id = id.ok_or_else(|| ApiError::missing_field("message_id".to_owned()))?;
    Ok(MessageId::parse(&id)?)
}

/// Declares the two spellings of a route on one message.
macro_rules! on_a_message {
    ($(#[$doc:meta])* $name:ident, $path:literal, $method:ident, [$($error:literal),*]) => {
        $(#[$doc])*
        #[utoipa::path(tag = "messages", params(MessageQuery), request_body = Option<MessageRef>,
            responses((status = 200, body = Done)), security(("token" = [])),
            extensions(("x-errors" = json!([$($error),*]))))]
        #[delete($path)]
        pub(crate) async fn $name(
            caller: AuthUser,
            OptionalJson(body): OptionalJson<MessageRef>,
            Query(query): Query<MessageQuery>,
            use_cases: web::Data<UseCases>,
            language: Language,
        ) -> Result<Done, ApiError> {
            use_cases.messages.$method(caller.id(), named(body, query)?).await?;
            Ok(Done::new(language))
        }
    };
}
on_a_message!(
    /// Takes a message back for both, within the recall window; its text is erased.
    recall, "/api/auth/message/recall", recall, ["unknown_message", "recall_window_over"]
);
on_a_message!(
    /// The same as `/api/auth/message/recall`.
    recall_plural, "/api/auth/messages/recall", recall, ["unknown_message", "recall_window_over"]
);
on_a_message!(
    /// Hides a message for the caller only.
    delete_message, "/api/auth/message/delete", delete, ["unknown_message"]
);
on_a_message!(
    /// The same as `/api/auth/message/delete`.
    delete_message_plural, "/api/auth/messages/delete", delete, ["unknown_message"]
);
