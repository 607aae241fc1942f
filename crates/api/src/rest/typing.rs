//! Typing indicator: reports that the caller is writing.

use actix_web::{post, web};
use domain::conversation::ConversationError;
use domain::id::{ConversationId, UserId};

use crate::extract::{AuthUser, PathId};
use crate::openapi::schemas;
use crate::realtime::SocketHub;
use crate::response::envelope::Done;
use crate::response::error::ApiError;
use crate::response::invalid_field::AtField;
use crate::settings::ApiSettings;
use crate::state::UseCases;

/// Tells the other member's sockets, those of other instances too, if it may see that the caller is writing.
pub(crate) async fn tell(
    use_cases: &UseCases,
    hub: &SocketHub,
    writer: UserId,
    conversation: ConversationId,
) -> Result<(), ConversationError> {
    let audience = use_cases.typing.audience(writer, conversation).await?;
    if let Some(reader) = audience.filter(|_| hub.may_type(writer, conversation)) {
        hub.tell_typing(reader, conversation, writer);
        use_cases.typing.pass_on(writer, reader);
    }
    Ok(())
}

/// Report typing.
#[utoipa::path(tag = "conversations", params(("conversation_id" = schemas::ConversationId, Path)),
    responses((status = 200, body = Done)), security(("token" = [])),
    extensions(("x-errors" = json!(["unknown_conversation"]))))]
#[post("/api/auth/conversations/{conversation_id}/typing")]
pub(crate) async fn report_typing(
    caller: AuthUser,
    PathId(conversation): PathId,
    use_cases: web::Data<UseCases>,
    settings: web::Data<ApiSettings>,
) -> Result<Done, ApiError> {
    let conversation = ConversationId::parse(&conversation).field("conversation_id")?;
    tell(&use_cases, &settings.sockets, caller.id(), conversation).await?;
    Ok(Done::new())
}
