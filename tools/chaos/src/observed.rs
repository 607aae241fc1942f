//! A conversation as the API shows it to one member.

use serde_json::Value;

use crate::message_text;

/// The content of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ObservedContent {
    Recalled,
    /// The text names this send of this user; `exact` if it is the text of that send.
    Sent {
        author: usize,
        number: usize,
        exact: bool,
    },
    /// A text that no user of this run writes.
    Foreign,
}

/// One message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ObservedMessage {
    pub(crate) seq: i64,
    /// Fingerprint of the message id.
    pub(crate) id: u64,
    /// The sender's index; `None` if the sender is not one of the two members.
    pub(crate) author: Option<usize>,
    pub(crate) said: ObservedContent,
}

/// The two members of a conversation: index and user id.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConversationMembers<'a>(pub(crate) [(usize, &'a str); 2]);

impl ObservedMessage {
    /// Parses a message; `None` if a field is missing or contradicts another.
    pub(crate) fn read(message: &Value, seed: u64, members: ConversationMembers<'_>) -> Option<Self> {
        let sender = message.get("sender_id")?.as_str()?;
        let author = members.0.iter().find(|(_, id)| *id == sender).map(|(number, _)| *number);
        let said = match (message.get("recalled")?.as_bool()?, message.get("content")?) {
            (true, Value::Null) => ObservedContent::Recalled,
            (false, Value::String(content)) => match message_text::claim(content) {
                Some((author, number)) => ObservedContent::Sent {
                    author,
                    number,
                    exact: *content == message_text::write(seed, author, number),
                },
                None => ObservedContent::Foreign,
            },
            // Exactly the recalled messages have no text.
            _ => return None,
        };
        let id = message_text::fingerprint(message.get("message_id")?.as_str()?);
        Some(Self { seq: message.get("seq")?.as_i64()?, id, author, said })
    }
}

/// A conversation as an entry of its member's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ObservedListing {
    pub(crate) unread: i64,
    pub(crate) last_seq: i64,
    pub(crate) read_seq: i64,
    pub(crate) preview: Option<ObservedMessage>,
}

impl ObservedListing {
    pub(crate) fn read(conversation: &Value, seed: u64, members: ConversationMembers<'_>) -> Option<Self> {
        let number = |name: &str| conversation.get(name)?.as_i64();
        let preview = match conversation.get("last_message")? {
            Value::Null => None,
            message => Some(ObservedMessage::read(message, seed, members)?),
        };
        Some(Self {
            unread: number("unread_count")?,
            last_seq: number("last_seq")?,
            read_seq: number("read_seq")?,
            preview,
        })
    }
}

/// All that one member sees of a conversation after the load.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct MemberView {
    /// From the first to the last.
    pub(crate) messages: Vec<ObservedMessage>,
    /// `None` if the conversation is not in the list.
    pub(crate) listed: Option<ObservedListing>,
    /// As the message window says.
    pub(crate) is_friend: bool,
    pub(crate) peer_read: Option<i64>,
    pub(crate) last_seq: i64,
    pub(crate) read_seq: i64,
    /// How often the peer is in the list of friends.
    pub(crate) friendships: usize,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn message(content: &Value, recalled: bool) -> Value {
        json!({"message_id": "c-1", "seq": 1, "sender_id": "b", "content": content, "recalled": recalled})
    }

    fn read(message: &Value) -> Option<ObservedMessage> {
        ObservedMessage::read(message, 5, ConversationMembers([(3, "a"), (4, "b")]))
    }

    #[test]
    fn a_text_is_compared_with_what_its_author_sent() {
        let text = message_text::write(5, 4, 9);
        let seen = read(&message(&json!(text), false)).unwrap();
        assert_eq!((seen.seq, seen.author), (1, Some(4)));
        assert_eq!(seen.said, ObservedContent::Sent { author: 4, number: 9, exact: true });
        let altered = read(&message(&json!(format!("{text}!")), false)).unwrap();
        assert_eq!(altered.said, ObservedContent::Sent { author: 4, number: 9, exact: false });
        assert_eq!(read(&message(&json!("hello"), false)).unwrap().said, ObservedContent::Foreign);
    }

    #[test]
    fn exactly_the_recalled_messages_have_no_text() {
        assert_eq!(read(&message(&Value::Null, true)).unwrap().said, ObservedContent::Recalled);
        assert_eq!(read(&message(&json!("4/9"), true)), None);
        assert_eq!(read(&message(&Value::Null, false)), None);
    }
}
