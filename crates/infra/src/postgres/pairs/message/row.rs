//! The columns that store a message's state: the text in `content`, or `NULL` once the message is recalled.

use domain::message::{MessageBody, MessageContent, MessageState};

/// The state of a message with this `content`. The constraint `messages_recalled_have_no_text` guarantees that a message
/// without content is recalled.
pub(in crate::postgres) fn state_from_row(content: Option<String>) -> MessageState {
    match content {
        Some(text) => MessageState::Visible(MessageBody::Text(MessageContent::from_stored(text))),
        None => MessageState::Recalled,
    }
}

/// The `content` of a message with this body.
pub(super) fn text_of(body: &MessageBody) -> &str {
    match body {
        MessageBody::Text(text) => text.as_str(),
    }
}
