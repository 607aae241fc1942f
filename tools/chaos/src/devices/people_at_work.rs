//! A load generator: a person who does what changes something on devices, at random.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::device_values::{number, text};
use super::device_world::DeviceWorld;
use crate::http::{ApiCall, ApiClient, CallResult, Method};
use crate::seeded_random::SeededRandom;
use crate::simulation::{PASSWORD, uid};

/// A person and what it remembers for later steps.
pub(super) struct PersonAtWork {
    world: Arc<DeviceWorld>,
    me: usize,
    client: ApiClient,
    token: String,
    random: SeededRandom,
    /// Messages sent lately.
    own: Vec<String>,
    /// Messages read lately.
    seen: Vec<(i64, String)>,
    sent: u64,
}

impl PersonAtWork {
    /// How many messages are remembered.
    const REMEMBERED: usize = 20;

    /// Prepares a person.
    ///
    /// # Errors
    /// When its journal cannot be written.
    pub(super) fn new(world: &Arc<DeviceWorld>, me: usize) -> anyhow::Result<Self> {
        let simulation = &world.simulation;
        let journal = simulation.folder.join(format!("journal-{me}"));
        let client = ApiClient::new(Arc::clone(&simulation.fleet), simulation.clock, &journal)?;
        let random = SeededRandom::stream(simulation.seed, u64::try_from(me)? + 1);
        let (world, token) = (Arc::clone(world), simulation.person(me)?.token.clone());
        Ok(Self { world, me, client, token, random, own: Vec::new(), seen: Vec::new(), sent: 0 })
    }

    /// Works until the run is over. Returns the client with its counts.
    pub(super) fn live(mut self) -> ApiClient {
        let world = Arc::clone(&self.world);
        let pairs = world.simulation.pairs_of(self.me);
        while !world.is_over() {
            if let Some(pair) = self.random.pick(&pairs).copied() {
                world.at_work(|| self.act(pair));
            }
            let pause = 5 + self.random.below(40);
            std::thread::sleep(Duration::from_millis(u64::try_from(pause).unwrap_or_default()));
        }
        self.client
    }

    fn act(&mut self, pair: usize) {
        let simulation = Arc::clone(&self.world.simulation);
        let Ok(of) = simulation.pair(pair) else { return };
        let Ok(friend) = simulation.person(of.other(self.me)).map(|friend| friend.id.as_str()) else {
            return;
        };
        let conversation = format!("/api/auth/conversations/{}", of.conversation);
        let (yes, places) = (self.random.one_in(2), self.random.below(4));
        match self.random.below(100) {
            0..45 => self.send(&of.conversation, friend),
            45..53 => self.take_back("recall"),
            53..57 => self.take_back("delete"),
            57..66 => self.look(&conversation),
            66..76 => {
                let newest = self.seen.last().map_or(1, |(seq, _)| *seq);
                let seq = if yes { i64::from(u32::MAX) } else { newest };
                self.change(Method::Put, format!("{conversation}/read"), &json!({"seq": seq}));
            }
            76..81 => {
                let name = if places > 1 { "pinned" } else { "muted" };
                self.change(Method::Patch, conversation, &json!({name: yes}));
            }
            81..83 => self.change(Method::Delete, conversation, &Value::Null),
            83..85 => {
                let path = format!("/api/auth/friendships/{friend}/remark");
                self.change(Method::Put, path, &json!({"remark": format!("雁 {places}")}));
            }
            85..88 => {
                let method = if places == 0 { Method::Put } else { Method::Delete };
                self.change(method, format!("/api/auth/blocks/{friend}"), &json!({}));
            }
            88 => self.change(Method::Delete, format!("/api/auth/friendships/{friend}"), &Value::Null),
            89..95 => {
                let path = "/api/auth/friendship_requests".to_owned();
                self.change(Method::Post, path, &json!({"receiver_id": friend}));
            }
            95 => self.change_me(places),
            96 | 97 => self.slip(&of.conversation, friend),
            _ => self.change(Method::Post, format!("{conversation}/typing"), &json!({})),
        }
    }

    fn change_me(&mut self, what: usize) {
        let on = what.is_multiple_of(2);
        let change = match self.random.below(3) {
            0 => json!({"name": format!("雁 {}-{what}", self.me)}),
            1 => json!({"share_read": on}),
            _ => json!({"share_typing": on}),
        };
        self.change(Method::Patch, "/api/auth/me".to_owned(), &change);
    }

    /// Sends a text that names its conversation, twice in a while.
    fn send(&mut self, conversation: &str, friend: &str) {
        self.sent += 1;
        let content = format!("{conversation} {}/{}", self.me, self.sent);
        let body = json!({"receiver_id": friend, "content": content, "client_message_id": format!("key {}", self.sent)});
        for _ in 0..=usize::from(self.random.one_in(20)) {
            if let Some(Value::String(id)) = self.call(Method::Post, "/api/auth/messages".to_owned(), &body) {
                self.own.push(id);
            }
        }
        let surplus = self.own.len().saturating_sub(Self::REMEMBERED);
        self.own.drain(..surplus);
    }

    fn take_back(&mut self, how: &str) {
        let seen: Vec<String> = self.seen.iter().map(|(_, id)| id.clone()).collect();
        let among = if how == "recall" { &self.own } else { &seen };
        if let Some(id) = self.random.pick(among).cloned() {
            self.change(Method::Delete, format!("/api/auth/message/{how}?message_id={id}"), &Value::Null);
        }
    }

    /// Sends what is recalled before most devices have heard of it.
    fn slip(&mut self, conversation: &str, friend: &str) {
        self.send(conversation, friend);
        if let Some(id) = self.own.last().cloned() {
            self.change(Method::Delete, format!("/api/auth/message/recall?message_id={id}"), &Value::Null);
        }
    }

    fn look(&mut self, conversation: &str) {
        let window =
            self.call(Method::Get, format!("{conversation}?limit={}", Self::REMEMBERED), &Value::Null);
        let Some(window) = window else { return };
        let messages = window.get("messages").and_then(Value::as_array).into_iter().flatten();
        self.seen = messages.map(|one| (number(one, "seq"), text(one, "message_id").to_owned())).collect();
    }

    fn change(&mut self, method: Method, path: String, body: &Value) {
        self.call(method, path, body);
    }

    /// Calls one of the servers or nginx, once. What is refused or gets no answer is no matter: devices are compared with what a fresh one gets.
    fn call(&mut self, method: Method, path: String, body: &Value) -> Option<Value> {
        let address = self.world.server(&mut self.random);
        let body = (!body.is_null()).then(|| body.clone());
        let token = self.token.clone();
        match self.client.call(&address, &ApiCall { method, path, token: &token, body }) {
            CallResult::Ok(data) => Some(data),
            CallResult::Refused { code: 401, .. } => {
                let body = Some(json!({"uid": uid(self.me), "password": PASSWORD}));
                let path = "/api/login/uid".to_owned();
                let call = ApiCall { method: Method::Post, path, token: "", body };
                if let CallResult::Ok(data) = self.client.call(&address, &call) {
                    text(data.get("token_class")?, "token").clone_into(&mut self.token);
                }
                None
            }
            _ => None,
        }
    }
}
