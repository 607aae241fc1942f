//! Message search.

use actix_web::{get, web};
use domain::id::ConversationId;
use domain::search::{SearchPageRequest, SearchRequest, SearchTerm};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::admission::Bulkheads;
use crate::extract::{Query, UncountedCaller};
use crate::openapi::schemas;
use crate::redacted::Redacted;
use crate::response::cursor::{Cursor, PageParams};
use crate::response::envelope::PageOf;
use crate::response::error::ApiError;
use crate::response::invalid_field::{AtField, InvalidField};
use crate::rest::messages::MessageItem;
use crate::state::UseCases;

/// The search term and where to search.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct SearchParams {
    /// A part of the text, 1 to 200 characters, case-insensitive. There are no wildcards.
    #[param(value_type = schemas::SearchTerm)]
    q: Redacted<String>,
    /// Only in this conversation.
    #[param(format = "uuid", pattern = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
    conversation_id: Option<String>,
}

impl SearchParams {
    fn parse(&self, page: SearchPageRequest) -> Result<SearchRequest, InvalidField> {
        let conversation = self.conversation_id.as_deref().map(ConversationId::parse).transpose();
        let conversation = conversation.field("conversation_id")?;
        Ok(SearchRequest { term: SearchTerm::parse(&self.q.0).field("q")?, conversation, page })
    }
}

/// A matching message.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FoundMessage {
    #[schema(value_type = schemas::ConversationId)]
    conversation_id: String,
    #[serde(flatten)]
    message: MessageItem,
}

impl From<domain::message::Message> for FoundMessage {
    fn from(message: domain::message::Message) -> Self {
        Self { conversation_id: message.id.conversation.to_string(), message: message.into() }
    }
}

/// Search messages.
#[utoipa::path(tag = "messages", params(SearchParams, PageParams),
    responses((status = 200, body = PageOf<FoundMessage>)), security(("token" = [])),
    extensions(("x-errors" = json!(["unknown_conversation", "too_many_searches"]))))]
#[get("/api/auth/messages/search")]
pub(crate) async fn search_messages(
    caller: UncountedCaller,
    Query(query): Query<SearchParams>,
    Query(page): Query<PageParams>,
    use_cases: web::Data<UseCases>,
    admission: web::Data<Bulkheads>,
) -> Result<PageOf<FoundMessage>, ApiError> {
    let request = query.parse(page.parse()?)?;
    let _permit = admission.search(caller.id()).await?;
    let page = use_cases.search.search(caller.id(), &request).await?;
    let items = page.items.into_iter().map(FoundMessage::from).collect();
    Ok(PageOf::new(items, page.next.map(|next| next.encode())))
}
