//! Reads everything back through the API, at rest, and has it checked.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, bail};
use serde_json::Value;

use crate::checker::{Case, Member, check};
use crate::history::{Record, Side};
use crate::http::{Call, Client, Method, Reply};
use crate::life::PAGE;
use crate::seen::{Listed, Seen, View};
use crate::violation::Violation;
use crate::world::World;

/// Reads as everybody.
pub(crate) struct Reader<'a> {
    world: &'a World,
    client: Client,
    /// By person: the conversations and the friends, as they were when first asked for.
    lists: BTreeMap<usize, [Value; 2]>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(world: &'a World) -> anyhow::Result<Self> {
        let journal = world.folder.join("journal-reader");
        let client = Client::new(Arc::clone(&world.fleet), world.clock, &journal)?;
        Ok(Self { world, client, lists: BTreeMap::new() })
    }

    /// Reads a conversation as both of its members and compares it with what they did.
    ///
    /// # Errors
    /// When something cannot be read: then nothing is known of it.
    pub(crate) fn check(&mut self, pair: usize, records: &[Record]) -> anyhow::Result<Vec<Violation>> {
        let of = self.world.pair(pair)?;
        let (first, second) = (of.first, of.second);
        let views = [self.view(pair, first)?, self.view(pair, second)?];
        let nothing = Side::default();
        let [first_view, second_view] = &views;
        let member = |number: usize, view| {
            let record = records.get(number).context("somebody without a record")?;
            let side = record.sides.get(&pair).unwrap_or(&nothing);
            Ok::<_, anyhow::Error>(Member { number, record, side, view })
        };
        Ok(check(&Case { pair, members: [member(first, first_view)?, member(second, second_view)?] }))
    }

    /// Where in a conversation a message stands.
    ///
    /// # Errors
    /// When it is not there.
    pub(crate) fn place_of(&mut self, pair: usize, id: u64) -> anyhow::Result<i64> {
        let witness = self.world.pair(pair)?.second;
        let view = self.view(pair, witness)?;
        let found = view.messages.iter().find(|message| message.id == id);
        Ok(found.context("a message that was just there is not")?.seq)
    }

    fn view(&mut self, pair: usize, person: usize) -> anyhow::Result<View> {
        let mut view = View::default();
        let of = self.world.pair(pair)?;
        let members = self.world.members(of)?;
        loop {
            let after = view.messages.last().map_or(0, |message| message.seq);
            let path = format!("/api/auth/conversations/{}?after={after}&limit={PAGE}", of.conversation);
            let window = self.get(person, path)?;
            let number = |name: &str| window.get(name)?.as_i64();
            view.last_seq = number("last_seq").context("a window without last_seq")?;
            view.read_seq = number("read_seq").context("a window without read_seq")?;
            view.peer_read = number("peer_read_seq");
            view.is_friend = window.get("is_friend").and_then(Value::as_bool).context("no is_friend")?;
            let messages = window.get("messages").and_then(Value::as_array).context("no messages")?;
            for message in messages {
                let seen = Seen::read(message, self.world.seed, members);
                view.messages.push(seen.with_context(|| format!("an impossible message: {message}"))?);
            }
            if window.get("has_more") != Some(&Value::Bool(true)) || messages.is_empty() {
                break;
            }
        }
        self.look_up(pair, person, &mut view)?;
        Ok(view)
    }

    /// Finds the conversation and the friend in the person's lists.
    fn look_up(&mut self, pair: usize, person: usize, view: &mut View) -> anyhow::Result<()> {
        let of = self.world.pair(pair)?;
        let other = &self.world.person(of.other(person))?.id;
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
        let members = self.world.members(of)?;
        let found = with(conversations);
        anyhow::ensure!(found.len() <= 1, "a conversation stands twice in the list of {person}");
        let read =
            |item| Listed::read(item, self.world.seed, members).context("an impossible line in the list");
        view.listed = found.first().map(read).transpose()?;
        view.friendships = with(friends).len();
        Ok(())
    }

    fn get(&mut self, person: usize, path: String) -> anyhow::Result<Value> {
        let token = &self.world.person(person)?.token;
        let call = Call { method: Method::Get, path, token, body: None };
        let mut reply = Reply::Unknown(String::new());
        for instance in 0..4 {
            reply = self.client.call(&self.world.fleet.choose(instance), &call);
            if let Reply::Ok(data) = reply {
                return Ok(data);
            }
        }
        bail!("at rest, {} cannot be read: {reply:?}", call.path)
    }
}
