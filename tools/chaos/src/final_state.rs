//! Reads every conversation back through the API once the load has stopped, and hands it to the checker.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, bail};
use serde_json::Value;

use crate::checker::{CheckedConversation, CheckedMember, check};
use crate::history::{MemberActions, UserHistory};
use crate::http::{ApiCall, ApiClient, CallResult, Method};
use crate::observed::{MemberView, ObservedListing, ObservedMessage};
use crate::simulation::Simulation;
use crate::violation::Violation;
use crate::virtual_user::PAGE;

/// An API client that reads as any of the users.
pub(crate) struct FinalState<'a> {
    simulation: &'a Simulation,
    client: ApiClient,
    /// Conversation and friendship lists by user, cached at the first read.
    lists: BTreeMap<usize, [Value; 2]>,
}

impl<'a> FinalState<'a> {
    pub(crate) fn new(simulation: &'a Simulation) -> anyhow::Result<Self> {
        let journal = simulation.folder.join("journal-reader");
        let client = ApiClient::new(Arc::clone(&simulation.fleet), simulation.clock, &journal)?;
        Ok(Self { simulation, client, lists: BTreeMap::new() })
    }

    /// Reads a conversation as both of its members and compares it with their histories.
    ///
    /// # Errors
    /// When something cannot be read: then nothing is known about the conversation.
    pub(crate) fn check(&mut self, pair: usize, records: &[UserHistory]) -> anyhow::Result<Vec<Violation>> {
        let of = self.simulation.pair(pair)?;
        let (first, second) = (of.first, of.second);
        let views = [self.view(pair, first)?, self.view(pair, second)?];
        let nothing = MemberActions::default();
        let [first_view, second_view] = &views;
        let member = |number: usize, view| {
            let record = records.get(number).context("a user has no history")?;
            let side = record.sides.get(&pair).unwrap_or(&nothing);
            Ok::<_, anyhow::Error>(CheckedMember { number, record, side, view })
        };
        Ok(check(&CheckedConversation {
            pair,
            members: [member(first, first_view)?, member(second, second_view)?],
        }))
    }

    /// The `seq` of a message in its conversation.
    ///
    /// # Errors
    /// When the message is not there.
    pub(crate) fn place_of(&mut self, pair: usize, id: u64) -> anyhow::Result<i64> {
        let witness = self.simulation.pair(pair)?.second;
        let view = self.view(pair, witness)?;
        let found = view.messages.iter().find(|message| message.id == id);
        Ok(found.context("an acknowledged message is missing")?.seq)
    }

    fn view(&mut self, pair: usize, person: usize) -> anyhow::Result<MemberView> {
        let mut view = MemberView::default();
        let of = self.simulation.pair(pair)?;
        let members = self.simulation.members(of)?;
        loop {
            let after = view.messages.last().map_or(0, |message| message.seq);
            let path = format!("/api/auth/conversations/{}?after={after}&limit={PAGE}", of.conversation);
            let window = self.get(person, path)?;
            let number = |name: &str| window.get(name)?.as_i64();
            view.last_seq = number("last_seq").context("the window has no last_seq")?;
            view.read_seq = number("read_seq").context("the window has no read_seq")?;
            view.peer_read = number("peer_read_seq");
            view.is_friend = window.get("is_friend").and_then(Value::as_bool).context("no is_friend")?;
            let messages = window.get("messages").and_then(Value::as_array).context("no messages")?;
            for message in messages {
                let seen = ObservedMessage::read(message, self.simulation.seed, members);
                view.messages.push(seen.with_context(|| format!("malformed message: {message}"))?);
            }
            if window.get("has_more") != Some(&Value::Bool(true)) || messages.is_empty() {
                break;
            }
        }
        self.look_up(pair, person, &mut view)?;
        Ok(view)
    }

    /// Fills in what the user's conversation and friendship lists say.
    fn look_up(&mut self, pair: usize, person: usize, view: &mut MemberView) -> anyhow::Result<()> {
        let of = self.simulation.pair(pair)?;
        let other = &self.simulation.person(of.other(person))?.id;
        if !self.lists.contains_key(&person) {
            let lists = ["conversations", "friendships"].map(|name| format!("/api/auth/{name}"));
            let [conversations, friends] = lists;
            let lists = [self.get(person, conversations)?, self.get(person, friends)?];
            self.lists.insert(person, lists);
        }
        let Some([conversations, friends]) = self.lists.get(&person) else { bail!("no lists") };
        let with = |list: &Value| -> Vec<Value> {
            let items = list.as_array().into_iter().flatten();
            items
                .filter(|item| item.get("friend_id").and_then(Value::as_str) == Some(other))
                .cloned()
                .collect()
        };
        let members = self.simulation.members(of)?;
        let found = with(conversations);
        anyhow::ensure!(found.len() <= 1, "user {person} has the conversation twice in the list");
        let read = |item| {
            ObservedListing::read(item, self.simulation.seed, members)
                .context("malformed conversation in the list")
        };
        view.listed = found.first().map(read).transpose()?;
        view.friendships = with(friends).len();
        Ok(())
    }

    fn get(&mut self, person: usize, path: String) -> anyhow::Result<Value> {
        let token = &self.simulation.person(person)?.token;
        let call = ApiCall { method: Method::Get, path, token, body: None };
        let mut reply = CallResult::Unknown(String::new());
        for instance in 0..4 {
            reply = self.client.call(&self.simulation.fleet.choose(instance), &call);
            if let CallResult::Ok(data) = reply {
                return Ok(data);
            }
        }
        bail!("reading {} after the load failed: {reply:?}", call.path)
    }
}
