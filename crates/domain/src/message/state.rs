//! What a message carries, and whether it is visible or recalled.

use std::fmt;

use crate::error::{InvalidValue, Rule};

/// A message's text: 1–5000 characters, not only white space, stored and returned exactly as sent.
#[derive(Clone, PartialEq, Eq)]
pub struct MessageContent(String);

impl MessageContent {
    /// The maximum number of characters.
    pub const MAX: usize = 5000;

    /// Validates a text that a client sent.
    ///
    /// # Errors
    /// [`Rule::Length`], [`Rule::NotBlank`], or [`Rule::Characters`] for a NUL.
    pub fn parse(text: String) -> Result<Self, InvalidValue> {
        if text.is_empty() || text.chars().nth(Self::MAX).is_some() {
            return Err(InvalidValue::new(Rule::Length { min: 1, max: Self::MAX }));
        }
        if text.contains('\0') {
            return Err(InvalidValue::new(Rule::Characters));
        }
        if text.trim().is_empty() {
            return Err(InvalidValue::new(Rule::NotBlank));
        }
        Ok(Self(text))
    }

    /// Wraps a stored text without validation.
    #[must_use]
    pub const fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, owned.
    #[must_use]
    pub fn into_inner(self) -> String {
        self.0
    }
}

impl fmt::Debug for MessageContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MessageContent(…)")
    }
}

/// What a message carries. A new kind of message (a picture, a file) is a new variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessageBody {
    /// A text.
    Text(MessageContent),
}

impl MessageBody {
    /// The text of a text message; `None` for any other kind.
    #[must_use]
    pub const fn text(&self) -> Option<&MessageContent> {
        match self {
            Self::Text(text) => Some(text),
        }
    }
}

/// What the members see of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessageState {
    /// Its body.
    Visible(MessageBody),
    /// That its sender recalled it; the body is erased.
    Recalled,
}

impl MessageState {
    /// Whether the sender recalled the message.
    #[must_use]
    pub const fn is_recalled(&self) -> bool {
        matches!(self, Self::Recalled)
    }

    /// The text of a visible text message.
    #[must_use]
    pub const fn text(&self) -> Option<&MessageContent> {
        match self {
            Self::Visible(body) => body.text(),
            Self::Recalled => None,
        }
    }

    /// The text of a visible text message, owned.
    #[must_use]
    pub fn into_text(self) -> Option<MessageContent> {
        match self {
            Self::Visible(MessageBody::Text(text)) => Some(text),
            Self::Recalled => None,
        }
    }
}
