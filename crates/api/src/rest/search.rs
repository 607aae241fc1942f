//! Searching messages.

use actix_web::{get, web};
use domain::error::InvalidValue;
use domain::id::ConversationId;
use domain::search::{SearchPageRequest, SearchRequest, SearchTerm};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::extract::{AuthUser, Query};
use crate::http::language::Language;
use crate::openapi::schemas;
use crate::response::cursor::{Cursor, PageQuery};
use crate::response::envelope::PageOf;
use crate::response::error::ApiError;
use crate::rest::messages::Message;
use crate::state::UseCases;

/// What is looked for, and where.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct SearchQuery {
    /// A part of the text, 1 to 200 characters, whatever their case. Every character means itself.
    #[param(value_type = schemas::SearchTerm)]
    q: String,
    /// Only in this conversation.
    #[param(format = "uuid", pattern = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
    conversation_id: Option<String>,
}

impl SearchQuery {
    fn parse(&self, page: SearchPageRequest) -> Result<SearchRequest, InvalidValue> {
        let conversation = self.conversation_id.as_deref();
        let conversation = conversation.map(|id| ConversationId::parse("conversation_id", id)).transpose()?;
        Ok(SearchRequest { term: SearchTerm::parse(&self.q)?, conversation, page })
    }
}

/// A message that was found.
#[derive(Debug, Serialize, ToSchema)]
struct FoundMessage {
    #[schema(value_type = schemas::ConversationId)]
    conversation_id: String,
    #[serde(flatten)]
    message: Message,
}

impl From<domain::message::Message> for FoundMessage {
    fn from(message: domain::message::Message) -> Self {
        Self { conversation_id: message.id.conversation.to_string(), message: message.into() }
    }
}

/// The caller's visible messages with a part of their text, newest first.
#[utoipa::path(tag = "messages", params(SearchQuery, PageQuery),
    responses((status = 200, body = PageOf<FoundMessage>)), security(("token" = [])),
    extensions(("x-errors" = json!(["unknown_conversation"]))))]
#[get("/api/auth/messages/search")]
pub(crate) async fn search_messages(
    caller: AuthUser,
    Query(query): Query<SearchQuery>,
    Query(page): Query<PageQuery>,
    use_cases: web::Data<UseCases>,
    language: Language,
) -> Result<PageOf<FoundMessage>, ApiError> {
    let request = query.parse(page.parse()?)?;
    let page = use_cases.search.search(caller.id(), &request).await?;
    let items = page.items.into_iter().map(FoundMessage::from).collect();
    Ok(PageOf::new(language, items, page.next.map(|next| next.encode())))
}
