//! The search term, the search request, and the keyset pagination of its results.

use std::fmt;

use chrono::{DateTime, Utc};

use super::fold;
use crate::error::{InvalidValue, Rule};
use crate::id::ConversationId;
use crate::message::{Message, MessageContent, MessageId};
use crate::page::{Page, PageKey, PageRequest};

/// A search term: 1–200 characters, all of them literal (there are no wildcards).
#[derive(Clone, PartialEq, Eq)]
pub struct SearchTerm {
    folded: String,
}

impl SearchTerm {
    const MAX: usize = 200;

    /// Checks a term that a client sent.
    ///
    /// # Errors
    /// [`Rule::Length`], also for variation selectors alone, or [`Rule::Characters`] for a NUL.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        if text.is_empty() || text.chars().nth(Self::MAX).is_some() {
            return Err(InvalidValue::new(Rule::Length { min: 1, max: Self::MAX }));
        }
        if text.contains('\0') {
            return Err(InvalidValue::new(Rule::Characters));
        }
        let folded = fold(text);
        if folded.is_empty() {
            return Err(InvalidValue::new(Rule::Length { min: 1, max: Self::MAX }));
        }
        Ok(Self { folded })
    }

    /// The term after [`fold`].
    #[must_use]
    pub fn folded(&self) -> &str {
        &self.folded
    }

    /// Whether a text contains the term, both folded.
    #[must_use]
    pub fn is_in(&self, content: &MessageContent) -> bool {
        fold(content.as_str()).contains(&self.folded)
    }
}

impl fmt::Debug for SearchTerm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SearchTerm(…)")
    }
}

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

/// One search: what to find, where, and which page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchRequest {
    /// The text to find.
    pub term: SearchTerm,
    /// The conversation to search; `None` for all conversations of the caller.
    pub conversation: Option<ConversationId>,
    /// The requested page.
    pub page: SearchPageRequest,
}
