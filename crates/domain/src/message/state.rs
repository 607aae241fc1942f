//! What a message carries, and whether it is visible or recalled.

use super::MessageContent;

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
