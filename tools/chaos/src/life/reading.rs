//! Following, marking as read, deleting for oneself, looking at lists.

use anyhow::Context;
use serde_json::{Value, json};

use super::Life;
use crate::http::{Call, Method, Reply};
use crate::seen::{Said, Seen};
use crate::violation::Rule;

/// The longest page that the API gives.
pub(crate) const PAGE: usize = 200;
/// How many of the messages read are remembered for later.
const REMEMBERED: usize = 20;

impl Life {
    fn get(&mut self, path: String) -> anyhow::Result<Option<Value>> {
        let world = std::sync::Arc::clone(&self.world);
        let token = &world.person(self.me)?.token;
        match self.must(&Call { method: Method::Get, path, token, body: None }).reply {
            Reply::Ok(data) => Ok(Some(data)),
            _ => Ok(None),
        }
    }

    /// Reads the next page of what is new and tells how long it was.
    pub(super) fn follow(&mut self, pair: usize) -> anyhow::Result<usize> {
        let reached = self.memory(pair).follower.reached();
        let conversation = self.pair(pair)?.conversation;
        let path = format!("/api/auth/conversations/{conversation}?after={reached}&limit={PAGE}");
        let Some(window) = self.get(path)? else { return Ok(0) };
        let messages =
            window.get("messages").and_then(Value::as_array).context("a window without messages")?;
        let places: Vec<i64> = messages.iter().filter_map(|one| one.get("seq")?.as_i64()).collect();
        let mut follower = self.memory(pair).follower;
        let taken = follower.take(&places, &self.side(pair).deleted);
        if let Err(complaint) = taken {
            self.complain(Rule::Followed, format!("conversation {conversation}: {complaint}"));
        }
        self.side(pair).followed = follower.reached();
        self.memory(pair).follower = follower;
        self.read_texts(pair, messages)?;
        Ok(places.len())
    }

    fn read_texts(&mut self, pair: usize, messages: &[Value]) -> anyhow::Result<()> {
        let world = std::sync::Arc::clone(&self.world);
        let members = world.members(world.pair(pair)?)?;
        for message in messages {
            let seen = Seen::read(message, world.seed, members);
            let fits = seen.is_some_and(|seen| match seen.said {
                Said::Recalled => seen.author.is_some(),
                Said::Claim { author, exact, .. } => exact && seen.author == Some(author),
                Said::Strange => false,
            });
            if !fits {
                self.complain(Rule::Altered, format!("read {message}"));
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

    /// Follows to the end.
    pub(super) fn catch_up(&mut self, pair: usize) -> anyhow::Result<()> {
        while self.follow(pair)? == PAGE {}
        Ok(())
    }

    pub(super) fn mark_read(&mut self, pair: usize) -> anyhow::Result<()> {
        let seq = self.memory(pair).follower.reached();
        let world = std::sync::Arc::clone(&self.world);
        let path = format!("/api/auth/conversations/{}/read", world.pair(pair)?.conversation);
        let token = &world.person(self.me)?.token;
        let body = Some(json!({"seq": seq}));
        let settled = self.must(&Call { method: Method::Put, path, token, body });
        if matches!(settled.reply, Reply::Ok(_)) {
            self.side(pair).read = self.side(pair).read.max(seq);
        }
        Ok(())
    }

    /// Deletes something that was read; only the first of a pair does.
    pub(super) fn delete(&mut self, pair: usize) -> anyhow::Result<()> {
        if self.pair(pair)?.first != self.me {
            return Ok(());
        }
        let recent = std::mem::take(&mut self.memory(pair).read);
        let Some((seq, id)) = self.random.pick(&recent).cloned() else { return Ok(()) };
        let world = std::sync::Arc::clone(&self.world);
        let path = format!("/api/auth/message/delete?message_id={id}");
        let token = &world.person(self.me)?.token;
        let settled = self.must(&Call { method: Method::Delete, path, token, body: None });
        if matches!(settled.reply, Reply::Ok(_)) {
            self.side(pair).deleted.insert(seq);
        }
        Ok(())
    }

    /// Opens the lists, as a client does that starts.
    pub(super) fn look_around(&mut self) -> anyhow::Result<()> {
        let path = if self.random.one_in(2) { "conversations" } else { "friendships" };
        self.get(format!("/api/auth/{path}")).map(drop)
    }
}
