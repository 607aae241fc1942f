//! A conversation as the API shows it to one member.

use serde_json::Value;

use crate::text;

/// What a message says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    Recalled,
    /// It claims to be this send of this person, and has (or has not) exactly the text of that.
    Claim {
        author: usize,
        number: usize,
        exact: bool,
    },
    /// Nothing that anybody here would write.
    Strange,
}

/// One message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) seq: i64,
    /// The message id's fingerprint.
    pub(crate) id: u64,
    /// Whose it is, as the API says; none for somebody who is not one of the two.
    pub(crate) author: Option<usize>,
    pub(crate) said: Said,
}

/// The two of a conversation: number and user id.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Members<'a>(pub(crate) [(usize, &'a str); 2]);

impl Seen {
    /// Reads a message; none where a field is missing or contradicts another.
    pub(crate) fn read(message: &Value, seed: u64, members: Members<'_>) -> Option<Self> {
        let sender = message.get("sender_id")?.as_str()?;
        let author = members.0.iter().find(|(_, id)| *id == sender).map(|(number, _)| *number);
        let said = match (message.get("recalled")?.as_bool()?, message.get("content")?) {
            (true, Value::Null) => Said::Recalled,
            (false, Value::String(content)) => match text::claim(content) {
                Some((author, number)) => {
                    Said::Claim { author, number, exact: *content == text::write(seed, author, number) }
                }
                None => Said::Strange,
            },
            // A recalled message has no text, and only a recalled one has none.
            _ => return None,
        };
        let id = text::fingerprint(message.get("message_id")?.as_str()?);
        Some(Self { seq: message.get("seq")?.as_i64()?, id, author, said })
    }
}

/// How a conversation stands in its member's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) unread: i64,
    pub(crate) last_seq: i64,
    pub(crate) read_seq: i64,
    pub(crate) preview: Option<Seen>,
}

impl Listed {
    pub(crate) fn read(conversation: &Value, seed: u64, members: Members<'_>) -> Option<Self> {
        let number = |name: &str| conversation.get(name)?.as_i64();
        let preview = match conversation.get("last_message")? {
            Value::Null => None,
            message => Some(Seen::read(message, seed, members)?),
        };
        Some(Self {
            unread: number("unread_count")?,
            last_seq: number("last_seq")?,
            read_seq: number("read_seq")?,
            preview,
        })
    }
}

/// All that one member sees of a conversation, at rest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct View {
    /// From the first to the last.
    pub(crate) messages: Vec<Seen>,
    /// None where the conversation is not in the list.
    pub(crate) listed: Option<Listed>,
    /// As the open window says.
    pub(crate) is_friend: bool,
    pub(crate) peer_read: Option<i64>,
    pub(crate) last_seq: i64,
    pub(crate) read_seq: i64,
    /// How often the other stands in the list of friends.
    pub(crate) friendships: usize,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn message(content: &Value, recalled: bool) -> Value {
        json!({"message_id": "c-1", "seq": 1, "sender_id": "b", "content": content, "recalled": recalled})
    }

    fn read(message: &Value) -> Option<Seen> {
        Seen::read(message, 5, Members([(3, "a"), (4, "b")]))
    }

    #[test]
    fn a_text_is_compared_with_what_its_author_sent() {
        let text = text::write(5, 4, 9);
        let seen = read(&message(&json!(text), false)).unwrap();
        assert_eq!((seen.seq, seen.author), (1, Some(4)));
        assert_eq!(seen.said, Said::Claim { author: 4, number: 9, exact: true });
        let altered = read(&message(&json!(format!("{text}!")), false)).unwrap();
        assert_eq!(altered.said, Said::Claim { author: 4, number: 9, exact: false });
        assert_eq!(read(&message(&json!("hello"), false)).unwrap().said, Said::Strange);
    }

    #[test]
    fn a_recalled_message_has_no_text_and_no_other_lacks_one() {
        assert_eq!(read(&message(&Value::Null, true)).unwrap().said, Said::Recalled);
        assert_eq!(read(&message(&json!("4/9"), true)), None);
        assert_eq!(read(&message(&Value::Null, false)), None);
    }
}
