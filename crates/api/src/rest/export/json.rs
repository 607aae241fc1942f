//! Writes an export as JSON, part by part. The whole is one document in the envelope and never held in memory.

use domain::export::{ExportPart, ExportedConversation};
use domain::friendship_request::Direction;
use serde::Serialize;

use super::items::{Account, Conversation, OwnedMessage, Session};
use crate::http::i18n;
use crate::http::language::Language;
use crate::rest::blocks::BlockItem;
use crate::rest::friendship_requests::Request;
use crate::rest::friendships::FriendItem;

/// The fields of `data`, in their order. Each but the first is a list, empty where no part of it comes.
const FIELDS: [&str; 7] =
    ["account", "sessions", "friendships", "requests_received", "requests_sent", "blocks", "conversations"];

/// How far the document was written.
pub(crate) struct Document {
    language: Language,
    /// What was written and not taken yet.
    text: Vec<u8>,
    /// How many fields were begun.
    begun: usize,
    /// Whether the list that is open has a row already.
    has_row: bool,
    /// Whether a conversation is open, and then whether it has a message already.
    messages: Option<bool>,
}

impl Document {
    pub(crate) const fn new(language: Language) -> Self {
        Self { language, text: Vec::new(), begun: 0, has_row: false, messages: None }
    }

    /// Writes a part and takes what was written.
    pub(crate) fn part(&mut self, part: ExportPart) -> serde_json::Result<Vec<u8>> {
        let language = self.language;
        match part {
            ExportPart::Account(user) => {
                self.begin(1)?;
                serde_json::to_writer(&mut self.text, &Account::from(&user))?;
            }
            ExportPart::Sessions(sessions) => self.rows(2, sessions.iter().map(Session::from))?,
            ExportPart::Friends(friends) => {
                self.rows(3, friends.iter().map(|friend| FriendItem::new(friend, language)))?;
            }
            ExportPart::Requests(direction, requests) => {
                let field = if direction == Direction::Received { 4 } else { 5 };
                let rows = requests.iter().map(|request| Request::new(request, direction, language));
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
                    serde_json::to_writer(&mut self.text, &OwnedMessage::from(message))?;
                }
            }
        }
        Ok(std::mem::take(&mut self.text))
    }

    /// Writes what is left when there are no more parts.
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

    /// Begins a conversation, whose messages follow as the last of its fields.
    fn conversation(&mut self, conversation: &ExportedConversation) -> serde_json::Result<()> {
        self.begin(FIELDS.len())?;
        self.end_conversation();
        let has_row = std::mem::replace(&mut self.has_row, true);
        self.separate(has_row);
        serde_json::to_writer(&mut self.text, &Conversation::new(conversation, self.language))?;
        // The brace that ends it comes after its messages.
        self.text.pop();
        self.text.extend_from_slice(b",\"messages\":[");
        self.messages = Some(false);
        Ok(())
    }

    fn separate(&mut self, behind_another: bool) {
        if behind_another {
            self.text.push(b',');
        }
    }

    /// Ends what is open and begins fields until so many are begun.
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
        // The account, which comes first, is no list.
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
