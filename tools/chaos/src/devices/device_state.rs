//! A replicated state: what one device holds of its account, kept up to date by the client's four rules (docs/API.md).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::device_values::{number, seqs, set, text};
use super::held_history::HeldHistory;

/// Everything that a device holds.
#[derive(Debug, Clone, Default)]
pub(super) struct DeviceState {
    /// The entries by conversation, as `sync` shows them.
    pub(super) entries: BTreeMap<String, Value>,
    pub(super) histories: BTreeMap<String, HeldHistory>,
    /// The lists to be read again.
    pub(super) stale: BTreeSet<String>,
    /// The lists as they were read, by name.
    pub(super) lists: BTreeMap<String, Value>,
}

impl DeviceState {
    /// Applies the data of a `sync`.
    pub(super) fn sync(&mut self, data: &Value) {
        if data.get("reset") == Some(&Value::Bool(true)) {
            *self = Self::default();
        }
        for entry in data.get("conversations").and_then(Value::as_array).into_iter().flatten() {
            self.replace(entry);
        }
        self.note_stale(data.get("stale"));
    }

    /// Applies a frame of a socket.
    pub(super) fn apply(&mut self, frame: &Value) {
        match text(frame, "type") {
            "sync" => self.sync(frame.get("data").unwrap_or(&Value::Null)),
            "conversation" => self.replace(frame.get("conversation").unwrap_or(&Value::Null)),
            "message" => self.message(frame),
            "changed" => {
                let last = number(frame, "last_seq");
                self.update(frame, |entry| set(entry, "last_seq", number(entry, "last_seq").max(last)));
            }
            "recall" => self.recall(frame),
            "delete" => {
                if let Some(history) = self.histories.get_mut(text(frame, "conversation_id")) {
                    history.messages.remove(&number(frame, "seq"));
                }
                self.take_count(frame);
            }
            "read" => self.read(frame),
            "stale" => self.note_stale(frame.get("what")),
            _ => {}
        }
    }

    /// An entry replaces what is known of the conversation.
    fn replace(&mut self, entry: &Value) {
        let id = text(entry, "conversation_id").to_owned();
        let (history, cleared) =
            (self.histories.entry(id.clone()).or_default(), number(entry, "cleared_seq"));
        seqs(entry, "recalled").for_each(|seq| history.recall(seq));
        history.messages.retain(|seq, _| *seq > cleared);
        for seq in seqs(entry, "deleted") {
            history.messages.remove(&seq);
        }
        history.complete_to = history.complete_to.max(cleared);
        let mut entry = entry.clone();
        if let Some(members) = entry.as_object_mut() {
            members.remove("recalled");
            members.remove("deleted");
        }
        self.entries.insert(id, entry);
    }

    fn message(&mut self, frame: &Value) {
        let (id, friend) = (text(frame, "conversation_id"), text(frame, "friend_id"));
        let Some(message) = frame.get("message") else { return };
        let seq = number(message, "seq");
        let Some(entry) = self.entries.get_mut(id) else { return };
        if seq <= number(entry, "last_seq") {
            return;
        }
        let is_recalled = message.get("recalled") == Some(&Value::Bool(true));
        if text(message, "sender_id") == friend && seq > number(entry, "read_seq") && !is_recalled {
            set(entry, "unread_count", number(entry, "unread_count") + 1);
        }
        set(entry, "last_seq", seq);
        set(entry, "last_message", message.clone());
        set(entry, "updated_at", message.get("created_at").cloned().unwrap_or_default());
        set(entry, "hidden", false);
        let history = self.histories.entry(id.to_owned()).or_default();
        // Beyond a gap, what lies between is fetched later, and this message with it.
        if seq == history.complete_to + 1 {
            history.add(seq, message);
            history.complete_to = seq;
        }
    }

    fn recall(&mut self, frame: &Value) {
        let seq = number(frame, "seq");
        if let Some(history) = self.histories.get_mut(text(frame, "conversation_id")) {
            history.recall(seq);
        }
        self.update(frame, |entry| {
            if let Some(last) = entry.get_mut("last_message").filter(|last| number(last, "seq") == seq) {
                set(last, "recalled", true);
                set(last, "content", Value::Null);
            }
        });
        self.take_count(frame);
    }

    fn read(&mut self, frame: &Value) {
        let (reader, seq) = (text(frame, "user_id"), number(frame, "read_seq"));
        self.update(frame, |entry| {
            let place = if text(entry, "friend_id") == reader { "peer_read_seq" } else { "read_seq" };
            set(entry, place, seq);
        });
        self.take_count(frame);
    }

    /// The newest count that was sent is the badge.
    fn take_count(&mut self, frame: &Value) {
        if let Some(count) = frame.get("unread_count") {
            self.update(frame, |entry| set(entry, "unread_count", count.clone()));
        }
    }

    fn update(&mut self, frame: &Value, change: impl FnOnce(&mut Value)) {
        if let Some(entry) = self.entries.get_mut(text(frame, "conversation_id")) {
            change(entry);
        }
    }

    fn note_stale(&mut self, lists: Option<&Value>) {
        let lists = lists.and_then(Value::as_array).into_iter().flatten();
        self.stale.extend(lists.filter_map(Value::as_str).map(ToOwned::to_owned));
    }

    /// The conversations with messages that are not held, and after which `seq`; `None` if a newest window is closer.
    pub(super) fn gaps(&self) -> Vec<(String, Option<i64>)> {
        /// A gap of more messages than a page is left open.
        const PAGE: i64 = 200;
        let gap = |(id, entry): (&String, &Value)| {
            let reached = self.histories.get(id).map_or(0, |history| history.complete_to);
            let missing = number(entry, "last_seq") - reached;
            (missing > 0).then(|| (id.clone(), (missing <= PAGE).then_some(reached)))
        };
        self.entries.iter().filter_map(gap).collect()
    }

    /// Adds a window that was fetched after a `seq`, or the newest one.
    pub(super) fn fill(&mut self, conversation: &str, after: Option<i64>, window: &Value) {
        let history = self.histories.entry(conversation.to_owned()).or_default();
        if after.is_none() {
            history.messages.clear();
        }
        let mut last = after.unwrap_or_default();
        for message in window.get("messages").and_then(Value::as_array).into_iter().flatten() {
            last = number(message, "seq");
            history.add(last, message);
        }
        let ends = after.is_none() || window.get("has_more") != Some(&Value::Bool(true));
        // At the end there may be messages that this account has deleted.
        let last = if ends { last.max(number(window, "last_seq")) } else { last };
        history.complete_to = history.complete_to.max(last);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn state() -> DeviceState {
        let entry = json!({"conversation_id": "c", "friend_id": "f", "last_seq": 2, "read_seq": 0, "unread_count": 2, "cleared_seq": 0,
            "last_message": {"seq": 2, "content": "b", "recalled": false}, "recalled": [], "deleted": []});
        let mut state = DeviceState::default();
        state.sync(&json!({"reset": false, "conversations": [entry], "stale": ["me"]}));
        let window = json!({"last_seq": 2, "has_more": false, "messages": [
            {"message_id": "1", "seq": 1, "content": "a"}, {"message_id": "2", "seq": 2, "content": "b"}]});
        state.fill("c", Some(0), &window);
        state
    }

    fn message(seq: i64, sender: &str) -> Value {
        json!({"type": "message", "conversation_id": "c", "friend_id": "f", "message":
            {"message_id": seq.to_string(), "seq": seq, "sender_id": sender, "content": "x", "recalled": false, "created_at": "now"}})
    }

    fn badge(state: &DeviceState) -> i64 {
        number(&state.entries["c"], "unread_count")
    }

    #[test]
    fn messages_are_appended_counted_once_and_gaps_are_known() {
        let mut state = state();
        for (frame, badge_after) in
            [(message(3, "f"), 3), (message(3, "f"), 3), (message(4, "me"), 3), (message(6, "f"), 4)]
        {
            state.apply(&frame);
            assert_eq!(badge(&state), badge_after, "{frame}");
        }
        assert_eq!(state.gaps(), [("c".to_owned(), Some(4))]);
        assert_eq!(state.histories["c"].messages.keys().copied().collect::<Vec<_>>(), [1, 2, 3, 4]);
        let window = json!({"last_seq": 6, "has_more": false, "messages": [{"seq": 6}]});
        state.fill("c", Some(4), &window);
        assert!(state.gaps().is_empty(), "the fifth is deleted");
    }

    #[test]
    fn recalls_deletions_and_readings_take_the_count() {
        let mut state = state();
        state.apply(&json!({"type": "recall", "conversation_id": "c", "seq": 2, "unread_count": 1}));
        assert_eq!(state.histories["c"].messages[&2].text, None);
        assert_eq!(state.entries["c"]["last_message"]["content"], Value::Null);
        assert_eq!(badge(&state), 1);
        state.apply(&json!({"type": "delete", "conversation_id": "c", "seq": 1, "unread_count": 0}));
        assert_eq!((state.histories["c"].messages.len(), badge(&state)), (1, 0));
        let read = |user| json!({"type": "read", "conversation_id": "c", "user_id": user, "read_seq": 2});
        state.apply(&read("f"));
        state.apply(&read("me"));
        assert_eq!(
            (number(&state.entries["c"], "peer_read_seq"), number(&state.entries["c"], "read_seq")),
            (2, 2)
        );
    }

    #[test]
    fn an_entry_replaces_what_is_known_and_a_reset_everything() {
        let mut state = state();
        let entry =
            json!({"conversation_id": "c", "last_seq": 9, "cleared_seq": 1, "recalled": [2], "deleted": []});
        state.apply(&json!({"type": "conversation", "conversation": entry}));
        assert_eq!(state.histories["c"].messages.values().map(|held| held.text).collect::<Vec<_>>(), [None]);
        assert_eq!(state.gaps(), [("c".to_owned(), Some(2))]);
        state.sync(&json!({"reset": true, "conversations": []}));
        assert!(state.entries.is_empty() && state.stale.is_empty());
    }
}
