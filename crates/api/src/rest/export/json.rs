//! A streaming JSON writer for exports. The document is one envelope, written part by part and never held in memory.

use domain::export::{ExportPart, ExportedConversation};
use domain::friendship_request::Direction;
use serde::Serialize;

use super::items::{ExportedAccountItem, ExportedConversationItem, ExportedSessionItem};
use crate::http::i18n;
use crate::http::language::Language;
use crate::rest::blocks::BlockItem;
use crate::rest::friendship_requests::RequestItem;
use crate::rest::friendships::FriendItem;
use crate::rest::messages::MessageItem;

/// The fields of `data` in order. All but the first are lists, empty if the export has no part for them.
const FIELDS: [&str; 7] =
    ["account", "sessions", "friendships", "requests_received", "requests_sent", "blocks", "conversations"];

/// Writes the document and tracks which fields and brackets are open.
pub(crate) struct ExportWriter {
    language: Language,
    /// Bytes written since the last call of [`Self::part`].
    text: Vec<u8>,
    /// The number of fields begun.
    begun: usize,
    /// Whether the open list has a row.
    has_row: bool,
    /// `None` if no conversation is open; otherwise whether the open one has a message.
    messages: Option<bool>,
}

impl ExportWriter {
    pub(crate) const fn new(language: Language) -> Self {
        Self { language, text: Vec::new(), begun: 0, has_row: false, messages: None }
    }

    /// Writes a part and returns the new bytes.
    pub(crate) fn part(&mut self, part: ExportPart) -> serde_json::Result<Vec<u8>> {
        let language = self.language;
        match part {
            ExportPart::Account(user) => {
                self.begin(1)?;
                serde_json::to_writer(&mut self.text, &ExportedAccountItem::from(&user))?;
            }
            ExportPart::Sessions(sessions) => self.rows(2, sessions.iter().map(ExportedSessionItem::from))?,
            ExportPart::Friends(friends) => {
                self.rows(3, friends.iter().map(|friend| FriendItem::new(friend, language)))?;
            }
            ExportPart::Requests(direction, requests) => {
                let field = if direction == Direction::Received { 4 } else { 5 };
                let rows = requests.iter().map(|request| RequestItem::new(request, direction, language));
                self.rows(field, rows)?;
            }
            ExportPart::Blocks(blocks) => {
                self.rows(6, blocks.iter().map(|user| BlockItem::new(user, language)))?;
            }
            ExportPart::Conversation(conversation) => self.conversation(&conversation)?,
            ExportPart::Messages(messages) => {
                for message in messages {
                    let has_message = self.messages.replace(true) == Some(true);
                    self.separate(has_message);
                    serde_json::to_writer(&mut self.text, &MessageItem::from(message))?;
                }
            }
        }
        Ok(std::mem::take(&mut self.text))
    }

    /// Completes the document after the last part.
    pub(crate) fn end(mut self) -> serde_json::Result<Vec<u8>> {
        self.begin(FIELDS.len())?;
        self.end_field();
        self.text.extend_from_slice(b"}}");
        Ok(self.text)
    }

    fn rows(&mut self, field: usize, rows: impl Iterator<Item = impl Serialize>) -> serde_json::Result<()> {
        self.begin(field)?;
        for row in rows {
            let has_row = std::mem::replace(&mut self.has_row, true);
            self.separate(has_row);
            serde_json::to_writer(&mut self.text, &row)?;
        }
        Ok(())
    }

    /// Begins a conversation; its messages follow as its last field.
    fn conversation(&mut self, conversation: &ExportedConversation) -> serde_json::Result<()> {
        self.begin(FIELDS.len())?;
        self.end_conversation();
        let has_row = std::mem::replace(&mut self.has_row, true);
        self.separate(has_row);
        serde_json::to_writer(&mut self.text, &ExportedConversationItem::new(conversation, self.language))?;
        // Reopen the object: its messages go before the closing brace.
        self.text.pop();
        self.text.extend_from_slice(b",\"messages\":[");
        self.messages = Some(false);
        Ok(())
    }

    fn separate(&mut self, has_previous: bool) {
        if has_previous {
            self.text.push(b',');
        }
    }

    /// Ends the open field and begins fields until `fields` of them are begun.
    fn begin(&mut self, fields: usize) -> serde_json::Result<()> {
        while let Some(name) = FIELDS.get(self.begun).filter(|_| self.begun < fields) {
            if self.begun == 0 {
                self.text.extend_from_slice(b"{\"code\":200,\"message\":");
                serde_json::to_writer(&mut self.text, i18n::success(self.language))?;
                self.text.extend_from_slice(b",\"data\":{");
            } else {
                self.end_field();
                self.text.push(b',');
            }
            serde_json::to_writer(&mut self.text, name)?;
            self.text.extend_from_slice(if self.begun == 0 { b":" } else { b":[" });
            self.begun += 1;
            self.has_row = false;
        }
        Ok(())
    }

    fn end_field(&mut self) {
        self.end_conversation();
        // The first field, the account, is not a list.
        if self.begun > 1 {
            self.text.push(b']');
        }
    }

    fn end_conversation(&mut self) {
        if self.messages.take().is_some() {
            self.text.extend_from_slice(b"]}");
        }
    }
}
