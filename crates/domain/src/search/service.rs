use std::sync::Arc;

use super::{SearchError, SearchPage, SearchRepository, SearchRequest};
use crate::id::UserId;

/// The use-case of searching.
pub struct SearchService {
    messages: Arc<dyn SearchRepository>,
}

impl SearchService {
    /// Wires the use-case.
    #[must_use]
    pub fn new(messages: Arc<dyn SearchRepository>) -> Self {
        Self { messages }
    }

    /// The messages that the caller can see and whose text has the term in it, newest first.
    ///
    /// # Errors
    /// [`SearchError::UnknownConversation`].
    pub async fn search(&self, caller: UserId, request: &SearchRequest) -> Result<SearchPage, SearchError> {
        self.messages.find(caller, request).await?.ok_or(SearchError::UnknownConversation)
    }
}
