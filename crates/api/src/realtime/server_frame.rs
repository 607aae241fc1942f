//! The frames that the server sends.

use serde::Serialize;
use serde_json::Value;

use crate::rest::messages::MessageItem;
use crate::rest::sync::{ChangeSet, ChangedConversation};

/// A frame, as clients see it.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ServerFrame<'a> {
    Hello {
        heartbeat_seconds: u64,
        authenticate_seconds: u64,
    },
    Ready {
        user_id: String,
        expires_in: u64,
    },
    Sync {
        data: ChangeSet,
        more: bool,
    },
    Live,
    Message {
        conversation_id: &'a str,
        friend_id: &'a str,
        message: MessageItem,
    },
    Changed {
        conversation_id: &'a str,
        last_seq: i64,
    },
    Recall {
        conversation_id: &'a str,
        seq: i64,
        unread_count: i64,
    },
    Delete {
        conversation_id: &'a str,
        seq: i64,
        unread_count: i64,
    },
    Read {
        conversation_id: &'a str,
        user_id: &'a str,
        read_seq: i64,
        #[serde(skip_serializing_if = "Option::is_none")]
        unread_count: Option<i64>,
    },
    Conversation {
        conversation: Box<ChangedConversation>,
    },
    Stale {
        what: Vec<&'static str>,
    },
    Typing {
        conversation_id: String,
        user_id: String,
        seconds: u64,
    },
    Tick {
        #[serde(skip_serializing_if = "Option::is_none")]
        cursor: Option<String>,
    },
    Expiring {
        seconds: u64,
    },
    Goodbye {
        retry_ms: u64,
        why: &'static str,
    },
    Pong {
        id: Value,
    },
    Error {
        error: &'static str,
    },
}

impl ServerFrame<'_> {
    /// The text of the frame.
    pub(super) fn text(&self) -> String {
        // Every member is text, a number or a list of them, so that none can fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}
