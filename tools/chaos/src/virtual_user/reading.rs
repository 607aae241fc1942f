//! Polling, marking as read, deleting, reading lists.

use anyhow::Context;
use serde_json::{Value, json};

use super::VirtualUser;
use crate::http::{ApiCall, CallResult, Method};
use crate::observed::{ObservedContent, ObservedMessage};
use crate::violation::ViolatedRule;

/// The largest page of the API.
pub(crate) const PAGE: usize = 200;
/// How many of the messages read are remembered for later.
const REMEMBERED: usize = 20;

impl VirtualUser {
    fn get(&mut self, path: String) -> anyhow::Result<Option<Value>> {
        let simulation = std::sync::Arc::clone(&self.simulation);
        let token = &simulation.person(self.me)?.token;
        match self.call_expecting_success(&ApiCall { method: Method::Get, path, token, body: None }).reply {
            CallResult::Ok(data) => Ok(Some(data)),
            _ => Ok(None),
        }
    }

    /// Polls the next page and returns its length.
    pub(super) fn follow(&mut self, pair: usize) -> anyhow::Result<usize> {
        let reached = self.memory(pair).follower.reached();
        let conversation = self.pair(pair)?.conversation;
        let path = format!("/api/auth/conversations/{conversation}?after={reached}&limit={PAGE}");
        let Some(window) = self.get(path)? else { return Ok(0) };
        let messages =
            window.get("messages").and_then(Value::as_array).context("the window has no messages")?;
        let places: Vec<i64> = messages.iter().filter_map(|one| one.get("seq")?.as_i64()).collect();
        let mut follower = self.memory(pair).follower;
        let taken = follower.take(&places, &self.side(pair).deleted);
        if let Err(complaint) = taken {
            self.report_violation(
                ViolatedRule::Followed,
                format!("conversation {conversation}: {complaint}"),
            );
        }
        self.side(pair).followed = follower.reached();
        self.memory(pair).follower = follower;
        self.read_texts(pair, messages)?;
        Ok(places.len())
    }

    fn read_texts(&mut self, pair: usize, messages: &[Value]) -> anyhow::Result<()> {
        let simulation = std::sync::Arc::clone(&self.simulation);
        let members = simulation.members(simulation.pair(pair)?)?;
        for message in messages {
            let seen = ObservedMessage::read(message, simulation.seed, members);
            let fits = seen.is_some_and(|seen| match seen.said {
                ObservedContent::Recalled => seen.author.is_some(),
                ObservedContent::Sent { author, exact, .. } => exact && seen.author == Some(author),
                ObservedContent::Foreign => false,
            });
            if !fits {
                self.report_violation(ViolatedRule::Altered, format!("read {message}"));
            }
        }
        let last = messages.get(messages.len().saturating_sub(REMEMBERED)..).unwrap_or_default();
        let read =
            last.iter().filter_map(|one| Some((one.get("seq")?.as_i64()?, one.get("message_id")?.as_str()?)));
        let read: Vec<_> = read.map(|(seq, id)| (seq, id.to_owned())).collect();
        if !read.is_empty() {
            self.memory(pair).read = read;
        }
        Ok(())
    }

    /// Polls until there is no further page.
    pub(super) fn catch_up(&mut self, pair: usize) -> anyhow::Result<()> {
        while self.follow(pair)? == PAGE {}
        Ok(())
    }

    pub(super) fn mark_read(&mut self, pair: usize) -> anyhow::Result<()> {
        let seq = self.memory(pair).follower.reached();
        let simulation = std::sync::Arc::clone(&self.simulation);
        let path = format!("/api/auth/conversations/{}/read", simulation.pair(pair)?.conversation);
        let token = &simulation.person(self.me)?.token;
        let body = Some(json!({"seq": seq}));
        let settled = self.call_expecting_success(&ApiCall { method: Method::Put, path, token, body });
        if matches!(settled.reply, CallResult::Ok(_)) {
            self.side(pair).read = self.side(pair).read.max(seq);
        }
        Ok(())
    }

    /// Deletes a message that was read; only the first member of a pair does.
    pub(super) fn delete(&mut self, pair: usize) -> anyhow::Result<()> {
        if self.pair(pair)?.first != self.me {
            return Ok(());
        }
        let recent = std::mem::take(&mut self.memory(pair).read);
        let Some((seq, id)) = self.random.pick(&recent).cloned() else { return Ok(()) };
        let simulation = std::sync::Arc::clone(&self.simulation);
        let path = format!("/api/auth/message/delete?message_id={id}");
        let token = &simulation.person(self.me)?.token;
        let settled =
            self.call_expecting_success(&ApiCall { method: Method::Delete, path, token, body: None });
        if matches!(settled.reply, CallResult::Ok(_)) {
            self.side(pair).deleted.insert(seq);
        }
        Ok(())
    }

    /// Reads a list, as a starting client does.
    pub(super) fn read_lists(&mut self) -> anyhow::Result<()> {
        let path = if self.random.one_in(2) { "conversations" } else { "friendships" };
        self.get(format!("/api/auth/{path}")).map(drop)
    }
}
