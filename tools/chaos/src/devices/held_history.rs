//! The messages that a device holds of a conversation.

use std::collections::BTreeMap;

use serde_json::Value;

use super::device_values::number;
use crate::message_text::fingerprint;

/// A message that is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HeldMessage {
    /// Fingerprint of its id.
    pub(super) id: u64,
    /// Fingerprint of its text; `None` after a recall.
    pub(super) text: Option<u64>,
}

impl HeldMessage {
    fn of(message: &Value) -> Self {
        let print = |name: &str| message.get(name).and_then(Value::as_str).map(fingerprint);
        Self { id: print("message_id").unwrap_or_default(), text: print("content") }
    }
}

/// The messages of a conversation.
#[derive(Debug, Clone, Default)]
pub(super) struct HeldHistory {
    /// The newest messages by `seq`.
    pub(super) messages: BTreeMap<i64, HeldMessage>,
    /// Between the first that is held and this `seq` none is missing.
    pub(super) complete_to: i64,
}

impl HeldHistory {
    /// The most messages that are held.
    const MOST: usize = 400;

    pub(super) fn add(&mut self, seq: i64, message: &Value) {
        self.messages.insert(seq, HeldMessage::of(message));
        while self.messages.len() > Self::MOST {
            self.messages.pop_first();
        }
    }

    pub(super) fn recall(&mut self, seq: i64) {
        if let Some(message) = self.messages.get_mut(&seq) {
            message.text = None;
        }
    }
}

/// The messages of a window as they are held.
pub(super) fn held(window: &Value) -> BTreeMap<i64, HeldMessage> {
    let messages = window.get("messages").and_then(Value::as_array).into_iter().flatten();
    messages.map(|message| (number(message, "seq"), HeldMessage::of(message))).collect()
}
