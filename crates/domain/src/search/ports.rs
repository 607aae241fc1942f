//! The port of the search index.

use async_trait::async_trait;

use super::{SearchPage, SearchRequest};
use crate::error::PortError;
use crate::id::UserId;

/// Finds messages by their text.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
#[async_trait]
pub trait SearchRepository: Send + Sync {
    /// The messages that `member` can see and whose text contains the term, by descending [`SearchCursor`](super::SearchCursor). `None` when the member
    /// is not in the requested conversation.
    ///
    /// MUST find every message that was stored before the call, however far the index lags. MUST NOT find a message that was
    /// recalled, that the member has deleted or cleared, or that is in a conversation of others; hidden conversations are
    /// searched like all others. MUST NOT delay other reads, however many searches run at once.
    ///
    /// # Errors
    /// Any `PortError` from the adapter; `Unavailable` when too many searches wait.
    async fn find(&self, member: UserId, request: &SearchRequest) -> Result<Option<SearchPage>, PortError>;
}
