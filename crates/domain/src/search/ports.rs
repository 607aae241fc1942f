use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::SearchRequest;
use crate::error::PortError;
use crate::id::UserId;
use crate::message::{Message, MessageId};
use crate::page::{Page, PageRequest};

/// The sort key of what is found: newest first. What was stored at one moment goes by conversation and place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SearchCursor {
    /// When the last message was stored.
    pub created_at: DateTime<Utc>,
    /// Which of those stored then.
    pub message: MessageId,
}

impl SearchCursor {
    /// Where `message` stands among what is found.
    #[must_use]
    pub const fn of(message: &Message) -> Self {
        Self { created_at: message.created_at, message: message.id }
    }
}

/// One page of what is found.
pub type SearchPage = Page<Message, SearchCursor>;
/// Which page of what is found.
pub type SearchPageRequest = PageRequest<SearchCursor, 1000>;

/// Finds messages by their text.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
#[async_trait]
pub trait SearchRepository: Send + Sync {
    /// The messages that `member` can see and whose text the term is in, by descending [`SearchCursor`]. None when the
    /// conversation that was named is not the member's.
    ///
    /// MUST find every message that was stored before the call, however far anything that helps searching lags behind. MUST
    /// find nothing that was recalled, that the member has deleted or cleared, or that is in another's conversation; a hidden
    /// conversation is searched as any other. MUST NOT hold up the other reads, however many search at once.
    ///
    /// # Errors
    /// Below the port; too many who search at once among them.
    async fn find(&self, member: UserId, request: &SearchRequest) -> Result<Option<SearchPage>, PortError>;
}
