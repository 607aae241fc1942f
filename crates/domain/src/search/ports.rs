//! The port of the search index, and the paging of its results.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::SearchRequest;
use crate::error::PortError;
use crate::id::UserId;
use crate::message::{Message, MessageId};
use crate::page::{Page, PageKey, PageRequest};

/// Keyset cursor of search results, which are sorted newest first; messages of the same instant by conversation and seq.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SearchCursor {
    /// When the last message of the page was stored.
    pub created_at: DateTime<Utc>,
    /// The id of that message.
    pub message: MessageId,
}

impl SearchCursor {
    /// The cursor of a message.
    #[must_use]
    pub const fn of(message: &Message) -> Self {
        Self { created_at: message.created_at, message: message.id }
    }
}

impl PageKey for SearchCursor {
    const MAX_ROWS: i64 = 1000;
}

/// A page of search results.
pub type SearchPage = Page<Message, SearchCursor>;
/// A requested page of search results.
pub type SearchPageRequest = PageRequest<SearchCursor>;

/// Finds messages by their text.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
#[async_trait]
pub trait SearchRepository: Send + Sync {
    /// The messages that `member` can see and whose text contains the term, by descending [`SearchCursor`]. `None` when the member
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
