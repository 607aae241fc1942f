//! What each frame must keep to, whatever happens: no frame of others, ascending messages, no text after its recall.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::device_values::{number, text};
use crate::violation::{ViolatedRule, Violation};

/// What one device has received so far.
pub(super) struct DeviceLaws {
    me: String,
    /// The peers by conversation.
    peers: BTreeMap<String, String>,
    /// The highest `seq` that came by this connection, by conversation.
    shown: BTreeMap<String, i64>,
    /// What was recalled, on any connection.
    recalled: BTreeSet<(String, i64)>,
}

impl DeviceLaws {
    pub(super) fn new(me: String, peers: BTreeMap<String, String>) -> Self {
        Self { me, peers, shown: BTreeMap::new(), recalled: BTreeSet::new() }
    }

    /// A new connection may send again what the one before has sent.
    pub(super) fn reconnected(&mut self) {
        self.shown.clear();
    }

    /// Judges the data of a `sync`.
    pub(super) fn judge_sync(&mut self, data: &Value) -> Vec<Violation> {
        let entries = data.get("conversations").and_then(Value::as_array).into_iter().flatten();
        entries.flat_map(|entry| self.entry(entry)).collect()
    }

    /// Judges a frame of a socket.
    pub(super) fn judge(&mut self, frame: &Value) -> Vec<Violation> {
        let nothing = Value::Null;
        let conversation = text(frame, "conversation_id").to_owned();
        let mut found = match text(frame, "type") {
            "sync" => self.judge_sync(frame.get("data").unwrap_or(&nothing)),
            "conversation" => self.entry(frame.get("conversation").unwrap_or(&nothing)),
            "message" => self.message(&conversation, frame.get("message").unwrap_or(&nothing)),
            "recall" => {
                self.recalled.insert((conversation.clone(), number(frame, "seq")));
                Vec::new()
            }
            _ => Vec::new(),
        };
        if !conversation.is_empty() && !self.peers.contains_key(&conversation) {
            found.push(Violation::new(ViolatedRule::Leaked, format!("of a foreign conversation: {frame}")));
        }
        found
    }

    fn entry(&mut self, entry: &Value) -> Vec<Violation> {
        let id = text(entry, "conversation_id").to_owned();
        let mut found = Vec::new();
        if self.peers.get(&id).map(String::as_str) != Some(text(entry, "friend_id")) {
            found.push(Violation::new(ViolatedRule::Leaked, format!("of a foreign conversation: {entry}")));
        }
        let recalled = entry.get("recalled").and_then(Value::as_array).into_iter().flatten();
        self.recalled.extend(recalled.filter_map(Value::as_i64).map(|seq| (id.clone(), seq)));
        if let Some(message) = entry.get("last_message").filter(|message| !message.is_null()) {
            found.extend(self.content(&id, message));
        }
        let last = number(entry, "last_seq");
        let shown = self.shown.entry(id).or_default();
        *shown = last.max(*shown);
        found
    }

    fn message(&mut self, conversation: &str, message: &Value) -> Vec<Violation> {
        let (seq, mut found) = (number(message, "seq"), self.content(conversation, message));
        let shown = self.shown.entry(conversation.to_owned()).or_default();
        if seq <= *shown {
            let rule = if seq == *shown { ViolatedRule::Doubled } else { ViolatedRule::FrameOrder };
            found.push(Violation::new(rule, format!("{conversation} had {shown}, then came message {seq}")));
        }
        *shown = seq.max(*shown);
        found
    }

    /// Judges who sent a message, and whether its text may still be shown.
    fn content(&mut self, conversation: &str, message: &Value) -> Vec<Violation> {
        let (sender, seq) = (text(message, "sender_id"), number(message, "seq"));
        let mut found = Vec::new();
        let is_own = sender == self.me;
        if !is_own && self.peers.get(conversation).is_some_and(|peer| peer != sender) {
            found.push(Violation::new(ViolatedRule::Leaked, format!("a message of a stranger: {message}")));
        }
        let content = text(message, "content");
        if !content.is_empty() && content.split(' ').next() != Some(conversation) {
            found.push(Violation::new(
                ViolatedRule::Leaked,
                format!("a text of another conversation: {message}"),
            ));
        }
        if !is_own && message.get("client_message_id").is_some_and(|key| !key.is_null()) {
            found.push(Violation::new(ViolatedRule::Leaked, format!("a key of another: {message}")));
        }
        let place = (conversation.to_owned(), seq);
        if message.get("recalled") == Some(&Value::Bool(true)) {
            self.recalled.insert(place);
        } else if self.recalled.contains(&place) {
            found.push(Violation::new(
                ViolatedRule::TextAfterRecall,
                format!("of message {seq} in {conversation}: {message}"),
            ));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn laws() -> DeviceLaws {
        DeviceLaws::new("me".to_owned(), [("c".to_owned(), "friend".to_owned())].into())
    }

    fn message(seq: i64, sender: &str, content: &str) -> Value {
        json!({"type": "message", "conversation_id": "c", "friend_id": "friend", "message":
            {"seq": seq, "sender_id": sender, "content": content, "recalled": false, "client_message_id": null}})
    }

    fn rules(found: &[Violation]) -> Vec<ViolatedRule> {
        found.iter().map(|violation| violation.rule).collect()
    }

    #[test]
    fn messages_ascend_and_come_once_per_connection() {
        let mut laws = laws();
        assert!(laws.judge(&message(4, "me", "c text")).is_empty());
        assert_eq!(rules(&laws.judge(&message(4, "me", "c text"))), [ViolatedRule::Doubled]);
        assert_eq!(rules(&laws.judge(&message(3, "me", "c text"))), [ViolatedRule::FrameOrder]);
        laws.reconnected();
        assert!(laws.judge(&message(3, "me", "c text")).is_empty());
        let entry =
            json!({"conversation_id": "c", "friend_id": "friend", "last_seq": 9, "last_message": null});
        assert!(laws.judge(&json!({"type": "conversation", "conversation": entry})).is_empty());
        assert_eq!(rules(&laws.judge(&message(9, "me", "c text"))), [ViolatedRule::Doubled]);
    }

    #[test]
    fn what_concerns_others_is_a_leak() {
        for frame in [
            message(1, "stranger", "c text"),
            message(1, "friend", "d text"),
            json!({"type": "typing", "conversation_id": "d"}),
            json!({"type": "conversation", "conversation": {"conversation_id": "d", "friend_id": "friend"}}),
            json!({"type": "message", "conversation_id": "c", "message": {"seq": 1, "sender_id": "friend", "client_message_id": "k"}}),
        ] {
            assert_eq!(rules(&laws().judge(&frame)), [ViolatedRule::Leaked], "{frame}");
        }
    }

    #[test]
    fn no_text_comes_after_its_recall() {
        let mut laws = laws();
        laws.judge(&json!({"type": "recall", "conversation_id": "c", "seq": 2, "unread_count": 0}));
        assert_eq!(rules(&laws.judge(&message(2, "me", "c text"))), [ViolatedRule::TextAfterRecall]);
        assert!(laws.judge(&message(3, "me", "c text")).is_empty());
    }
}
