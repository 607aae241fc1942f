//! A reference client: one device of a person, which follows the four rules of docs/API.md over a bad network.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::device_calls::{DeviceAnswer, DeviceCalls};
use super::device_laws::DeviceLaws;
use super::device_state::DeviceState;
use super::device_values::{essence, text};
use super::device_world::{DeviceFace, DeviceWorld};
use crate::seeded_random::SeededRandom;
use crate::simulation::{PASSWORD, uid};
use crate::violation::{ViolatedRule, Violation};

/// A device.
pub(super) struct ReferenceClient {
    pub(super) world: Arc<DeviceWorld>,
    pub(super) face: Arc<DeviceFace>,
    pub(super) random: SeededRandom,
    pub(super) laws: DeviceLaws,
    calls: DeviceCalls,
    pub(super) token: String,
    refresh_token: String,
    pub(super) cursor: Option<String>,
    /// The state as it was when the cursor was kept: what a device that dies still has.
    kept: DeviceState,
    /// Attempts in a row that failed.
    pub(super) failures: u32,
}

/// The lists that a device shows besides conversations.
pub(super) const LISTS: [(&str, &str); 4] = [
    ("friendships", "/api/auth/friendships"),
    ("friendship_requests", "/api/auth/friendship_requests"),
    ("blocks", "/api/auth/blocks"),
    ("me", "/api/auth/me"),
];

impl ReferenceClient {
    /// Conversations per page; fewer than a person has.
    const PAGE: usize = 3;
    /// The longest wait of a long poll, in seconds.
    const WAIT: u64 = 2;

    /// A device with nothing.
    ///
    /// # Errors
    /// When there is no such person.
    pub(super) fn new(world: &Arc<DeviceWorld>, face: &Arc<DeviceFace>, stream: u64) -> anyhow::Result<Self> {
        let simulation = &world.simulation;
        let peer = |pair: usize| {
            let pair = simulation.pair(pair)?;
            anyhow::Ok((pair.conversation.clone(), simulation.person(pair.other(face.person))?.id.clone()))
        };
        let peers = simulation.pairs_of(face.person).into_iter().map(peer).collect::<anyhow::Result<_>>()?;
        Ok(Self {
            random: SeededRandom::stream(simulation.seed ^ 0x00de_71ce, stream),
            laws: DeviceLaws::new(simulation.person(face.person)?.id.clone(), peers),
            world: Arc::clone(world),
            face: Arc::clone(face),
            calls: DeviceCalls::new(),
            token: String::new(),
            refresh_token: String::new(),
            cursor: None,
            kept: DeviceState::default(),
            failures: 0,
        })
    }

    /// Lives until the run is over.
    pub(super) fn live(mut self) {
        while !self.world.is_over() {
            if self.face.forgets.swap(false, Ordering::SeqCst) {
                self.cursor = None;
            }
            if self.token.is_empty() {
                self.log_in();
            } else if self.cursor.is_some() && self.face.has_socket {
                self.ride();
            } else {
                self.poll();
            }
        }
    }

    /// Where the next socket or call goes, and whether through nginx.
    pub(super) fn gate(&mut self) -> Option<(SocketAddr, bool)> {
        self.world.gate(&mut self.random)
    }

    fn base(&mut self) -> String {
        self.gate().map(|(gate, _)| format!("http://{gate}")).unwrap_or_default()
    }

    /// Waits after a failure: a random time that doubles, or as long as the server asked for.
    pub(super) fn pause(&mut self, asked: Option<Duration>) {
        self.failures = (self.failures + 1).min(6);
        let random =
            Duration::from_millis(u64::try_from(self.random.below(50 << self.failures)).unwrap_or_default());
        let until = Instant::now() + asked.unwrap_or(random);
        while Instant::now() < until && !self.world.is_over() {
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn log_in(&mut self) {
        let body = json!({"uid": uid(self.face.person), "password": PASSWORD});
        let answer = self.post("/api/login/uid", &body);
        match answer.data().and_then(|data| data.get("token_class")) {
            Some(tokens) => self.take_tokens(tokens),
            None => self.pause(None),
        }
    }

    fn take_tokens(&mut self, tokens: &Value) {
        text(tokens, "token").clone_into(&mut self.token);
        text(tokens, "refresh_token").clone_into(&mut self.refresh_token);
    }

    /// Gets a fresh token of the same session; without one the device signs in again.
    pub(super) fn renew(&mut self) {
        let refresh_token = std::mem::take(&mut self.refresh_token);
        self.token = refresh_token;
        let answer = self.post("/api/auth/refresh_token", &json!({}));
        match answer.data() {
            Some(tokens) => {
                self.world.count("tokens renewed");
                self.take_tokens(tokens);
            }
            None => self.token.clear(),
        }
    }

    /// Ends the own session. Whether the server has confirmed it, or that an earlier attempt without an answer had ended it.
    pub(super) fn log_out(&mut self) -> bool {
        matches!(self.post("/api/auth/logout", &json!({})).status, 200 | 401)
    }

    fn post(&mut self, path: &str, body: &Value) -> DeviceAnswer {
        let base = self.base();
        self.calls.post(&base, path, &self.token, body)
    }

    fn get(&mut self, path: &str) -> DeviceAnswer {
        let base = self.base();
        self.calls.get(&base, path, &self.token)
    }

    /// Asks for what has changed, all pages. Only then the cursor is kept.
    fn poll(&mut self) {
        let begins = self.cursor.is_none();
        let (mut place, mut first_cursor) = (self.cursor.clone(), None);
        loop {
            let mut path = format!("/api/auth/sync?limit={}", Self::PAGE);
            if let Some(place) = &place {
                path = format!("{path}&cursor={place}");
            }
            if !begins && first_cursor.is_none() && self.failures == 0 {
                path = format!("{path}&wait={}", Self::WAIT);
            }
            let answer = self.get(&path);
            let Some(data) = answer.data() else { return self.refused(&answer) };
            let mut data = data.clone();
            if is_reset(&data) {
                self.world.count("resets");
            }
            if begins && first_cursor.is_none() {
                // Without a cursor everything comes; what the device had is dropped.
                set_reset(&mut data);
            }
            self.laws.reconnected();
            self.apply_sync(&data);
            first_cursor = first_cursor.or_else(|| Some(text(&data, "cursor").to_owned()));
            match answer.body.get("next_cursor").and_then(Value::as_str) {
                Some(next) => place = Some(next.to_owned()),
                None => break,
            }
        }
        self.failures = 0;
        self.world.count("polls");
        if let Some(cursor) = first_cursor {
            self.keep(cursor);
        }
        self.tidy(8);
    }

    fn apply_sync(&mut self, data: &Value) {
        let found = self.laws.judge_sync(data);
        self.report(found);
        self.face.state.lock().sync(data);
    }

    /// What a call that was no success asks for.
    fn refused(&mut self, answer: &DeviceAnswer) {
        match answer.status {
            401 => self.token.clear(),
            400..=499 if answer.status != 408 && answer.status != 429 => {
                let detail = format!("a device was refused: {} {}", answer.status, answer.body);
                self.report(vec![Violation::new(ViolatedRule::Refused, detail)]);
                self.pause(None);
            }
            _ => self.pause(None),
        }
    }

    /// Stores the cursor together with what was applied before it.
    pub(super) fn keep(&mut self, cursor: String) {
        self.cursor = Some(cursor);
        self.kept = self.face.state.lock().clone();
    }

    /// Dies and begins with what is stored.
    pub(super) fn die(&mut self) {
        self.world.count("devices restarted");
        *self.face.state.lock() = self.kept.clone();
    }

    pub(super) fn report(&self, found: Vec<Violation>) {
        self.world.report(&self.face.name, found);
    }

    /// Fetches what is missing: always while people rest, else one time in `rarely`, as a person looks at it now and then.
    pub(super) fn tidy(&mut self, rarely: usize) {
        if !self.world.is_quiet() && !self.random.one_in(rarely) {
            return;
        }
        let gaps = self.face.state.lock().gaps();
        for (conversation, after) in gaps {
            let from = after.map(|seq| format!("&after={seq}")).unwrap_or_default();
            let answer = self.get(&format!("/api/auth/conversations/{conversation}?limit=200{from}"));
            if let Some(window) = answer.data() {
                self.face.state.lock().fill(&conversation, after, window);
            }
        }
        let stale = self.face.state.lock().stale.clone();
        for (name, path) in LISTS.into_iter().filter(|(name, _)| stale.contains(*name)) {
            self.face.state.lock().stale.remove(name);
            let answer = self.get(path);
            let mut state = self.face.state.lock();
            match answer.data() {
                Some(data) => drop(state.lists.insert(name.to_owned(), essence(name, data))),
                None => drop(state.stale.insert(name.to_owned())),
            }
        }
    }
}

/// Whether the device's cursor was of no use.
pub(super) fn is_reset(data: &Value) -> bool {
    data.get("reset") == Some(&Value::Bool(true))
}

fn set_reset(data: &mut Value) {
    if let Some(members) = data.as_object_mut() {
        members.insert("reset".to_owned(), json!(true));
        let all: Vec<&str> = LISTS.iter().map(|(name, _)| *name).collect();
        members.insert("stale".to_owned(), json!(all));
    }
}
