//! The search use case.

use std::sync::Arc;

use super::{SearchError, SearchPage, SearchRepository, SearchRequest};
use crate::id::UserId;

/// Searches the caller's messages.
pub struct SearchService {
    messages: Arc<dyn SearchRepository>,
}

impl SearchService {
    /// A service on this index.
    #[must_use]
    pub fn new(messages: Arc<dyn SearchRepository>) -> Self {
        Self { messages }
    }

    /// The messages that the caller can see and whose text contains the term, newest first.
    ///
    /// # Errors
    /// [`SearchError::UnknownConversation`].
    pub async fn search(&self, caller: UserId, request: &SearchRequest) -> Result<SearchPage, SearchError> {
        self.messages.find(caller, request).await?.ok_or(SearchError::UnknownConversation)
    }
}
