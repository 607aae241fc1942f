//! Search: results, visibility and paging in every state of the background indexer.

mod background;
mod model;
mod visibility;

use domain::id::{ConversationId, UserId};
use domain::message::MessageContent;
use domain::search::{
    SearchCursor, SearchPage, SearchPageRequest, SearchRepository, SearchRequest, SearchTerm,
};

use crate::support::Pool;

pub(crate) fn request(
    term: &str,
    conversation: Option<ConversationId>,
    limit: i64,
    after: Option<SearchCursor>,
) -> SearchRequest {
    let page = SearchPageRequest::parse(Some(limit), after).unwrap();
    SearchRequest { term: SearchTerm::parse(term).unwrap(), conversation, page }
}

pub(crate) fn texts(page: &SearchPage) -> Vec<String> {
    page.items
        .iter()
        .map(|message| message.state.clone().into_text().map(MessageContent::into_inner).unwrap_or_default())
        .collect()
}

impl Pool {
    /// The texts found, newest first.
    pub(crate) async fn found(&self, member: UserId, term: &str) -> Vec<String> {
        texts(&self.search.find(member, &request(term, None, 1000, None)).await.unwrap().unwrap())
    }

    pub(crate) async fn found_in(
        &self,
        member: UserId,
        conversation: ConversationId,
        term: &str,
    ) -> Option<Vec<String>> {
        let page = self.search.find(member, &request(term, Some(conversation), 1000, None)).await.unwrap();
        page.as_ref().map(texts)
    }
}
