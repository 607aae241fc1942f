//! Push from memory: messages that were stored a moment ago, and whether a client can be sent one without a read.
//!
//! A stored message carries the change stamp of its transaction and the stamp that its conversation had before. So one who knows what
//! a client was sent can tell that nothing lies in between, and reads otherwise.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::ReadPoint;
use crate::conversation::{Directed, Pair};
use crate::id::{ConversationId, UserId};
use crate::message::{ClientMessageId, Message, MessageBody, MessageId, MessageState, Seq};

/// The place of a message in the changes of its conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageMark {
    /// The two members.
    pub pair: Pair,
    /// Its position.
    pub seq: Seq,
    /// The stamp of the transaction that stored it.
    pub stamp: i64,
    /// The stamp that the conversation had before: of an earlier message, of a recall, or of what is between the two.
    pub follows: i64,
}

/// A message whose transaction is committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMessage {
    /// The sender and, as its peer, the receiver.
    pub from: Directed,
    /// What it carries.
    pub body: MessageBody,
    /// The key under which it was sent.
    pub client_message_id: Option<ClientMessageId>,
    /// When it was stored, by the database's clock.
    pub created_at: DateTime<Utc>,
    /// Its place.
    pub mark: MessageMark,
}

impl StoredMessage {
    /// The id of its conversation.
    #[must_use]
    pub fn conversation(&self) -> ConversationId {
        self.mark.pair.conversation_id()
    }

    /// The other member for `reader`.
    #[must_use]
    pub fn peer_of(&self, reader: UserId) -> UserId {
        if reader == self.from.user() { self.from.peer() } else { self.from.user() }
    }

    /// The message as `reader` sees it: only its sender sees its key.
    #[must_use]
    pub fn seen_by(&self, reader: UserId) -> Message {
        let sender_id = self.from.user();
        Message {
            id: MessageId { conversation: self.conversation(), seq: self.mark.seq },
            sender_id,
            state: MessageState::Visible(self.body.clone()),
            client_message_id: self.client_message_id.clone().filter(|_| reader == sender_id),
            created_at: self.created_at,
        }
    }
}

/// To what extent a stored message reached those who follow an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HandOver {
    /// The number of those who took it.
    pub takers: u64,
    /// Whether all took it. One that has no room for it has to read.
    pub is_complete: bool,
}

/// Those who follow an account on this instance.
pub trait MessageAudience: Send + Sync {
    /// Hands a stored message to all who follow a member of its conversation. MUST NOT wait.
    fn show_message(&self, member: UserId, message: &Arc<StoredMessage>) -> HandOver;
}

/// What is to be done with a stored message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextStep {
    /// Nothing: the client has it already.
    Skip,
    /// Send it: the client has everything that came before.
    Send,
    /// Read: something lies before it.
    Read,
}

/// The newest message of a conversation that a client was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Newest {
    seq: Seq,
    /// The stamp of its transaction; `None` if it was read.
    stamp: Option<i64>,
}

/// What a client was sent: everything up to a point, and newer messages of some conversations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentState {
    point: ReadPoint,
    newest: HashMap<ConversationId, Newest>,
    is_behind: bool,
}

impl SentState {
    /// A client that was sent everything up to a point.
    #[must_use]
    pub fn at(point: ReadPoint) -> Self {
        Self { point, newest: HashMap::new(), is_behind: false }
    }

    /// Everything up to here was sent.
    #[must_use]
    pub const fn point(&self) -> &ReadPoint {
        &self.point
    }

    /// Whether messages beyond the point were sent.
    #[must_use]
    pub const fn is_behind(&self) -> bool {
        self.is_behind
    }

    /// The newest message of a conversation that was sent, if it may lie beyond the point.
    #[must_use]
    pub fn newest(&self, conversation: ConversationId) -> Option<Seq> {
        self.newest.get(&conversation).map(|newest| newest.seq)
    }

    /// What is to be done with a stored message.
    #[must_use]
    pub fn next_step(&self, message: &MessageMark) -> NextStep {
        let newest = self.newest.get(&message.pair.conversation_id());
        if self.point.has_seen(message.stamp) || newest.is_some_and(|newest| message.seq <= newest.seq) {
            return NextStep::Skip;
        }
        let is_next = newest.is_some_and(|newest| newest.stamp == Some(message.follows));
        if is_next || self.point.has_seen(message.follows) { NextStep::Send } else { NextStep::Read }
    }

    /// A stored message was sent.
    pub fn sent(&mut self, message: &MessageMark) {
        let newest = Newest { seq: message.seq, stamp: Some(message.stamp) };
        self.newest.insert(message.pair.conversation_id(), newest);
        self.is_behind = true;
    }

    /// Everything up to this point was sent, too. False if it is a point of another lineage.
    pub fn advance(&mut self, point: ReadPoint) -> bool {
        let is_same_lineage = point.lineage == self.point.lineage;
        if is_same_lineage && point.covers(&self.point) {
            self.newest.retain(|_, newest| !newest.stamp.is_some_and(|stamp| point.has_seen(stamp)));
            self.is_behind = self.newest.values().any(|newest| newest.stamp.is_some());
            self.point = point;
        }
        is_same_lineage
    }

    /// Everything up to a later point was read and sent, with these messages the newest of their conversations.
    pub fn read(&mut self, point: ReadPoint, newest: impl IntoIterator<Item = (ConversationId, Seq)>) {
        let newest = newest.into_iter().map(|(id, seq)| (id, Newest { seq, stamp: None }));
        *self = Self { point, newest: newest.collect(), is_behind: false };
    }
}
