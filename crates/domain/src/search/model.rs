//! The search term and the search request.

use std::fmt;

use super::{SearchPageRequest, fold};
use crate::error::{InvalidValue, Rule};
use crate::id::ConversationId;
use crate::message::MessageContent;

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
    /// [`Rule::Length`], or [`Rule::Characters`] for a NUL.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        if text.is_empty() || text.chars().nth(Self::MAX).is_some() {
            return Err(InvalidValue::new(Rule::Length { min: 1, max: Self::MAX }));
        }
        if text.contains('\0') {
            return Err(InvalidValue::new(Rule::Characters));
        }
        Ok(Self { folded: fold(text) })
    }

    /// The term after [`fold`].
    #[must_use]
    pub fn folded(&self) -> &str {
        &self.folded
    }

    /// Whether a text contains the term, ignoring case.
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
