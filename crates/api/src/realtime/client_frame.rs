//! The frames that clients send.

use domain::id::ConversationId;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;

/// A frame of a client.
#[derive(Debug)]
pub(super) enum ClientFrame {
    /// The access token, and from where to catch up.
    Authenticate { token: SecretString, cursor: Option<String> },
    /// The client is writing in a conversation; `None` if the id is of none.
    Typing(Option<ConversationId>),
    /// A question whether the server still answers.
    Ping(Value),
    /// A type that this server does not know.
    Unknown,
}

/// A text that is no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

#[derive(Deserialize)]
struct FrameType {
    r#type: String,
}

#[derive(Deserialize)]
struct AuthenticateMembers {
    token: SecretString,
    #[serde(default)]
    cursor: Option<String>,
}

#[derive(Deserialize)]
struct TypingMembers {
    conversation_id: String,
}

#[derive(Deserialize)]
struct PingMembers {
    #[serde(default)]
    id: Value,
}

impl ClientFrame {
    /// Parses a text message. Members that are not known are ignored.
    pub(super) fn parse(text: &str) -> Result<Self, Malformed> {
        let FrameType { r#type } = members(text)?;
        Ok(match r#type.as_str() {
            "authenticate" => {
                let AuthenticateMembers { token, cursor } = members(text)?;
                Self::Authenticate { token, cursor }
            }
            "typing" => {
                let TypingMembers { conversation_id } = members(text)?;
                Self::Typing(ConversationId::parse(&conversation_id).ok())
            }
            "ping" => match members(text)? {
                PingMembers { id: id @ (Value::Number(_) | Value::String(_) | Value::Null) } => {
                    Self::Ping(id)
                }
                PingMembers { .. } => return Err(Malformed),
            },
            _ => Self::Unknown,
        })
    }
}

fn members<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Malformed> {
    serde_json::from_str(text).map_err(|_| Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_objects_with_a_known_type_and_its_members() {
        assert!(matches!(
            ClientFrame::parse(r#"{"type":"authenticate","token":"t","cursor":null,"new":1}"#),
            Ok(ClientFrame::Authenticate { cursor: None, .. })
        ));
        assert!(matches!(ClientFrame::parse(r#"{"type":"ping","id":1}"#), Ok(ClientFrame::Ping(_))));
        assert!(matches!(ClientFrame::parse(r#"{"type":"dance"}"#), Ok(ClientFrame::Unknown)));
        let of_none = r#"{"type":"typing","conversation_id":"x"}"#;
        assert!(matches!(ClientFrame::parse(of_none), Ok(ClientFrame::Typing(None))));
    }

    #[test]
    fn what_is_no_frame_is_malformed() {
        for text in [
            "",
            "[]",
            "1",
            "{}",
            "{",
            r#"{"type":1}"#,
            r#"{"type":"authenticate"}"#,
            r#"{"type":"authenticate","token":1}"#,
            r#"{"type":"authenticate","token":"t","cursor":1}"#,
            r#"{"type":"typing"}"#,
            r#"{"type":"typing","conversation_id":1}"#,
            r#"{"type":"ping","id":{}}"#,
        ] {
            assert!(matches!(ClientFrame::parse(text), Err(Malformed)), "{text}");
        }
    }
}
