//! Honest people: each makes a few calls a second, as a person with an application does, and notes how long they took.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::json;

use super::caller::{PASSWORD, SiegeAnswer, SiegeCaller, text};
use super::latencies::{CallKind, Latencies, Phase};
use super::shared::Siege;
use crate::seeded_random::SeededRandom;

/// An honest person with one friend.
pub(super) struct HonestPerson {
    pub(super) caller: SiegeCaller,
    pub(super) uid: String,
    pub(super) id: String,
    friend: String,
    conversation: String,
    number: u64,
}

impl HonestPerson {
    /// Registers the person.
    pub(super) fn register(base: &str, number: u64) -> anyhow::Result<Self> {
        // 203.0.113.0/24 is reserved for documentation.
        let mut caller = SiegeCaller::new(base, format!("203.0.113.{}", number + 1));
        let uid = format!("honest_{number:04}");
        let data = caller.register(&uid).data().context("an honest registration failed")?;
        caller.token = text(&data, "/token_class/token")?;
        let id = text(&data, "/user_info/user_id")?;
        Ok(Self { caller, uid, id, friend: String::new(), conversation: String::new(), number })
    }

    /// Makes two people friends who talk a little.
    pub(super) fn befriend(&mut self, other: &mut Self) -> anyhow::Result<()> {
        let ask = |from: &Self, to: &Self| {
            from.caller.post("/api/auth/friendship_requests", &json!({"receiver_id": to.id})).data()
        };
        ask(self, other)?;
        ask(other, self)?;
        let list = self.caller.get("/api/auth/conversations").data()?;
        let conversation = text(&list, "/0/conversation_id")?;
        (self.friend, other.friend) = (other.id.clone(), self.id.clone());
        (self.conversation, other.conversation) = (conversation.clone(), conversation);
        for number in 0..20 {
            self.send(&format!("setup-{number}")).data()?;
        }
        Ok(())
    }

    fn send(&self, key: &str) -> SiegeAnswer {
        let content = format!("a wild goose carries letter {key}");
        let body = json!({"receiver_id": self.friend, "content": content, "client_message_id": key});
        self.caller.post("/api/auth/messages", &body)
    }

    /// Lives until the siege is over.
    pub(super) fn live(self, siege: &Arc<Siege>) -> Latencies {
        let mut random = SeededRandom::stream(siege.seed, self.number + 1);
        let mut latencies = Latencies::default();
        let mut exported = false;
        for turn in 0_u64.. {
            let phase = siege.phase();
            if phase == Phase::Over {
                break;
            }
            let begun = Instant::now();
            let (kind, answer) = self.act(&mut random, turn, &mut exported, phase);
            let took = begun.elapsed();
            // A call across a border of phases belongs to neither.
            if siege.phase() == phase {
                latencies.note(phase, kind, took, (!answer.is_ok()).then(|| answer.shown()));
            }
            let pause = u64::try_from(random.below(200)).unwrap_or_default();
            std::thread::sleep(Duration::from_millis(100 + pause));
        }
        siege.honest_ended.fetch_add(1, Ordering::Relaxed);
        latencies
    }

    fn act(
        &self,
        random: &mut SeededRandom,
        turn: u64,
        exported: &mut bool,
        phase: Phase,
    ) -> (CallKind, SiegeAnswer) {
        let caller = &self.caller;
        let conversation = format!("/api/auth/conversations/{}", self.conversation);
        match random.below(1000) {
            0..350 => (CallKind::Send, self.send(&format!("{phase:?}-{turn}"))),
            350..550 => (CallKind::Read, caller.get("/api/auth/conversations?limit=20")),
            550..750 => (CallKind::Read, caller.get(&format!("{conversation}?limit=50"))),
            750..800 => (CallKind::Read, caller.get("/api/auth/me")),
            800..840 => (CallKind::Read, caller.get("/api/auth/friendships")),
            840..870 => (CallKind::Read, caller.get("/api/auth/friendship_requests")),
            870..890 => (CallKind::Read, caller.get(&format!("/api/auth/users?uid={}", self.uid))),
            890..930 => (CallKind::Read, caller.put(&format!("{conversation}/read"), &json!({"seq": 5}))),
            930..970 => (CallKind::Search, caller.get("/api/auth/messages/search?q=goose")),
            970..990 => (CallKind::Login, caller.login(&self.uid, PASSWORD)),
            // Half of the people export in each phase, once.
            _ if !*exported && (self.number.is_multiple_of(2) == (phase == Phase::Quiet)) => {
                *exported = true;
                (CallKind::Export, caller.get("/api/auth/me/export"))
            }
            _ => (CallKind::Read, caller.get("/api/auth/blocks")),
        }
    }
}
