use std::fmt;

use super::{SearchPageRequest, fold};
use crate::error::{InvalidValue, Rule};
use crate::id::ConversationId;
use crate::message::MessageContent;

/// What somebody looks for: 1–200 characters, every one of which means itself.
#[derive(Clone, PartialEq, Eq)]
pub struct SearchTerm {
    folded: String,
}

impl SearchTerm {
    const MAX: usize = 200;

    /// Checks a term that a caller sent in `q`.
    ///
    /// # Errors
    /// [`Rule::Length`], or [`Rule::Characters`] for a NUL.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        const FIELD: &str = "q";
        if text.is_empty() || text.chars().nth(Self::MAX).is_some() {
            return Err(InvalidValue::new(FIELD, Rule::Length { min: 1, max: Self::MAX }));
        }
        if text.contains('\0') {
            return Err(InvalidValue::new(FIELD, Rule::Characters));
        }
        Ok(Self { folded: fold(text) })
    }

    /// The term, spelled by [`fold`].
    #[must_use]
    pub fn folded(&self) -> &str {
        &self.folded
    }

    /// Whether the term is a part of a text, whatever the case.
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

/// What is searched, and for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchRequest {
    /// What to look for.
    pub term: SearchTerm,
    /// Where; none for all conversations of the caller.
    pub conversation: Option<ConversationId>,
    /// Which page of what is found.
    pub page: SearchPageRequest,
}
