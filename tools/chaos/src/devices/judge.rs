//! The judge: at rest every device holds exactly what a fresh client fetches.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::{Value, json};

use super::device_calls::DeviceCalls;
use super::device_state::DeviceState;
use super::device_values::{essence, number, text};
use super::device_world::{DeviceFace, DeviceWorld};
use super::held_history::{HeldMessage, held};
use super::reference_client::LISTS;
use crate::simulation::{PASSWORD, uid};
use crate::violation::{ViolatedRule, Violation};

/// Compares devices with what the servers say.
pub(super) struct Judge {
    world: Arc<DeviceWorld>,
    calls: DeviceCalls,
}

/// What a fresh client of a person fetches.
struct FreshState {
    entries: BTreeMap<String, Value>,
    /// The newest messages by conversation, and whether there are older ones.
    windows: BTreeMap<String, (BTreeMap<i64, HeldMessage>, bool)>,
    lists: BTreeMap<&'static str, Value>,
    /// The list of conversations: ids in its order, with their badges.
    listed: Vec<(String, i64)>,
}

impl Judge {
    pub(super) fn new(world: &Arc<DeviceWorld>) -> Self {
        Self { world: Arc::clone(world), calls: DeviceCalls::new() }
    }

    /// Compares until all devices are equal to fresh ones, or the time is over. Returns the differences that are left.
    pub(super) fn settle(&self, faces: &[Arc<DeviceFace>], patience: Duration) -> Vec<Violation> {
        let begun = Instant::now();
        let mut open: Vec<&Arc<DeviceFace>> = faces.iter().collect();
        loop {
            let found = self.compare(&open);
            open.retain(|face| found.iter().any(|(name, _)| *name == face.name));
            if open.is_empty() || begun.elapsed() > patience {
                return found.into_iter().map(|(_, violation)| violation).collect();
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// The differences by device.
    fn compare(&self, faces: &[&Arc<DeviceFace>]) -> Vec<(String, Violation)> {
        let mut fresh: BTreeMap<usize, anyhow::Result<FreshState>> = BTreeMap::new();
        let mut found = Vec::new();
        for face in faces {
            let differs = match fresh.entry(face.person).or_insert_with(|| self.fetch(face.person)) {
                Ok(fresh) => fresh.differences(&face.state.lock()),
                // A server that recovers: the next attempt asks again.
                Err(error) => vec![Violation::new(ViolatedRule::Recovery, format!("{error:#}"))],
            };
            let named = differs.into_iter().map(|violation| {
                let detail = format!("{}: {}", face.name, violation.detail);
                (face.name.clone(), Violation::new(violation.rule, detail))
            });
            found.extend(named);
        }
        found
    }

    fn fetch(&self, person: usize) -> anyhow::Result<FreshState> {
        let base = self.world.simulation.fleet.choose(person % 2).base;
        let body = json!({"uid": uid(person), "password": PASSWORD});
        let login = self.calls.post(&base, "/api/login/uid", "", &body);
        let token = login.data().and_then(|data| data.get("token_class")).map(|tokens| text(tokens, "token"));
        let token = token.with_context(|| format!("no login: {} {}", login.status, login.body))?;
        let get = |path: &str| {
            let answer = self.calls.get(&base, path, token);
            answer.data().cloned().with_context(|| format!("{path}: {} {}", answer.status, answer.body))
        };
        let mut state = DeviceState::default();
        state.sync(&get("/api/auth/sync?limit=200")?);
        let mut windows = BTreeMap::new();
        for id in state.entries.keys() {
            let window = get(&format!("/api/auth/conversations/{id}?limit=200"))?;
            windows.insert(id.clone(), (held(&window), window.get("has_more") == Some(&Value::Bool(true))));
        }
        let mut lists = BTreeMap::new();
        for (name, path) in LISTS {
            lists.insert(name, essence(name, &get(path)?));
        }
        let listed = list(get("/api/auth/conversations?limit=200")?.as_array().into_iter().flatten());
        // The judge's own session is none of the person's.
        self.calls.post(&base, "/api/auth/logout", token, &json!({}));
        Ok(FreshState { entries: state.entries, windows, lists, listed })
    }
}

/// A list of conversations: without hidden ones, pinned first, then the newest activity. The order within a millisecond is not shown.
fn list<'a>(entries: impl Iterator<Item = &'a Value>) -> Vec<(String, i64)> {
    let mut shown: Vec<&Value> =
        entries.filter(|entry| entry.get("hidden") != Some(&Value::Bool(true))).collect();
    let place = |entry: &'a Value| {
        let is_pinned = entry.get("pinned") == Some(&Value::Bool(true));
        (is_pinned, text(entry, "updated_at"), text(entry, "conversation_id"))
    };
    shown.sort_by(|a, b| place(b).cmp(&place(a)));
    let badge = |entry: &Value| (text(entry, "conversation_id").to_owned(), number(entry, "unread_count"));
    shown.into_iter().map(badge).collect()
}

impl FreshState {
    /// How a device's state differs from this one.
    fn differences(&self, device: &DeviceState) -> Vec<Violation> {
        let mut found = Vec::new();
        for (id, entry) in &self.entries {
            let nothing = Value::Null;
            let shown = device.entries.get(id).unwrap_or(&nothing);
            for (name, value) in entry.as_object().into_iter().flatten() {
                let of_device = shown.get(name).unwrap_or(&nothing);
                if of_device != value {
                    let is_doubled = name == "unread_count" && of_device.as_i64() > value.as_i64();
                    let rule = if is_doubled { ViolatedRule::Doubled } else { ViolatedRule::Missed };
                    let detail = format!("{id}: {name} is {of_device} instead of {value}");
                    found.push(Violation::new(rule, detail));
                }
            }
            found
                .extend(self.messages(id, device).map(|detail| Violation::new(ViolatedRule::Missed, detail)));
        }
        let missed = |detail: String| Violation::new(ViolatedRule::Missed, detail);
        if device.entries.len() != self.entries.len() {
            found.push(missed(format!("{} conversations, not {}", device.entries.len(), self.entries.len())));
        }
        for (name, list) in &self.lists {
            let of_device = device.lists.get(*name).unwrap_or(&Value::Null);
            if of_device != list {
                found.push(missed(format!("{name} is {of_device} instead of {list}")));
            }
        }
        let list = list(device.entries.values());
        if found.is_empty() && list != self.listed {
            found.push(missed(format!("the list is {list:?} instead of {:?}", self.listed)));
        }
        found
    }

    /// The first message that differs.
    fn messages(&self, id: &str, device: &DeviceState) -> Option<String> {
        let (window, has_more) = self.windows.get(id)?;
        let nothing = BTreeMap::new();
        let of_device = device.histories.get(id).map_or(&nothing, |history| &history.messages);
        let from = if *has_more { *window.keys().next()? } else { 0 };
        let of_device: BTreeMap<i64, HeldMessage> =
            of_device.range(from..).map(|(seq, held)| (*seq, *held)).collect();
        let seqs = window.keys().chain(of_device.keys());
        let differs = seqs.copied().find(|seq| window.get(seq) != of_device.get(seq))?;
        let (device, fresh) = (of_device.get(&differs), window.get(&differs));
        Some(format!("{id}: message {differs} is {device:?} instead of {fresh:?}"))
    }
}
