//! What the enemy tries, each attack in threads of its own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::caller::{SiegeAnswer, SiegeCaller};
use super::enemy::{Enemy, Victim};
use super::latencies::Phase;
use super::raw;
use super::shared::Siege;
use crate::seeded_random::SeededRandom;

/// One thread of an attack.
pub(super) struct Attacker {
    pub(super) siege: Arc<Siege>,
    pub(super) caller: SiegeCaller,
    random: SeededRandom,
    number: u64,
    count: u64,
}

/// Makes one attempt and returns its answer.
type Attempt = fn(&mut Attacker) -> SiegeAnswer;

/// The attacks by requests: name, threads, attempt.
const ATTACKS: [(&str, u64, Attempt); 13] = [
    ("crafted cursors and ids", 3, Attacker::craft),
    ("lists and pages", 16, Attacker::read),
    ("searches over long messages", 8, Attacker::search),
    ("exports", 3, |attacker| attacker.caller.get("/api/auth/me/export")),
    ("look-ups", 6, Attacker::look_up),
    ("requests asked and withdrawn", 4, Attacker::ask_and_withdraw),
    ("messages", 6, Attacker::send),
    ("changes of uid", 3, Attacker::change_uid),
    ("read marks of one conversation", 8, Attacker::mark_read),
    ("registrations", 6, Attacker::register),
    ("guesses at honest accounts", 8, Attacker::guess),
    ("refreshes with worthless tokens", 3, |attacker| {
        attacker.caller.post("/auth/refresh_token", &json!({}))
    }),
    ("probes", 8, |attacker| attacker.caller.get("/readyz")),
];

/// How many attempts ended how.
pub(super) type Outcomes = BTreeMap<&'static str, BTreeMap<String, usize>>;

impl Attacker {
    /// The pause after each attempt: the enemy must not win by the processor time of its own client.
    const PAUSE: Duration = Duration::from_millis(30);

    /// Attacks until the siege is over; returns the outcomes.
    fn attack(mut self, attempt: Attempt) -> BTreeMap<String, usize> {
        // The enemy's client has a machine of its own in reality.
        let _ = rustix::process::setpriority_process(None, 15);
        let mut outcomes = BTreeMap::<String, usize>::new();
        while self.siege.phase() == Phase::Hostile {
            self.count += 1;
            *outcomes.entry(attempt(&mut self).shown()).or_default() += 1;
            std::thread::sleep(Self::PAUSE);
        }
        outcomes
    }

    fn enemy(&self) -> &Enemy {
        &self.siege.enemy
    }

    fn victim(&mut self) -> Victim {
        let siege = Arc::clone(&self.siege);
        self.random.pick(&siege.enemy.victims).cloned().unwrap_or_default()
    }

    fn craft(&mut self) -> SiegeAnswer {
        const PATHS: [&str; 6] = [
            "conversations",
            "friendships",
            "friendship_requests",
            "blocks",
            "sessions",
            "messages/search?q=a",
        ];
        const CURSORS: [&str; 4] = [
            "0.-8000000000000000000.00000000-0000-0000-0000-000000000000",
            "1.9223372036854775807.ffffffff-ffff-ffff-ffff-ffffffffffff",
            "%00%ff",
            "9223372036854775808",
        ];
        let path = self.random.pick(&PATHS).copied().unwrap_or_default();
        let cursor = self.random.pick(&CURSORS).copied().unwrap_or_default();
        let sign = if path.contains('?') { '&' } else { '?' };
        self.caller.get(&format!("/api/auth/{path}{sign}cursor={cursor}"))
    }

    fn read(&mut self) -> SiegeAnswer {
        if self.random.one_in(2) {
            return self.caller.get("/api/auth/conversations");
        }
        let path = format!("/api/auth/conversations/{}?limit=200", self.enemy().conversation);
        self.caller.get(&path)
    }

    fn search(&mut self) -> SiegeAnswer {
        self.caller.get(&format!("/api/auth/messages/search?q=absent%20{}", self.count))
    }

    fn look_up(&mut self) -> SiegeAnswer {
        let Victim { uid, .. } = self.victim();
        self.caller.get(&format!("/api/auth/users?uid={uid}"))
    }

    fn ask_and_withdraw(&mut self) -> SiegeAnswer {
        let Victim { id, .. } = self.victim();
        let body = json!({"receiver_id": id, "verification_message": "buy now ".repeat(16)});
        let asked = self.caller.post("/api/auth/friendship_requests", &body);
        let request = asked.body.pointer("/data/request_id").and_then(|id| id.as_str());
        match request {
            Some(request) => self.caller.delete(&format!("/api/auth/friendship_requests/{request}")),
            None => asked,
        }
    }

    fn send(&mut self) -> SiegeAnswer {
        let body = json!({"receiver_id": self.enemy().accomplice, "content": "长".repeat(5000)});
        self.caller.post("/api/auth/messages", &body)
    }

    fn change_uid(&mut self) -> SiegeAnswer {
        let Victim { uid, .. } = self.victim();
        // Taken, and known to be.
        self.caller.patch("/api/auth/me/uid", &json!({"new_uid": uid}))
    }

    fn mark_read(&mut self) -> SiegeAnswer {
        let path = format!("/api/auth/conversations/{}/read", self.enemy().conversation);
        self.caller.put(&path, &json!({"seq": self.count}))
    }

    fn register(&mut self) -> SiegeAnswer {
        let uid = format!("hostile_{}_{}", self.number, self.count);
        self.caller.register(&uid)
    }

    fn guess(&mut self) -> SiegeAnswer {
        let Victim { uid, .. } = self.victim();
        self.caller.login(&uid, &format!("a wrong password {}", self.count))
    }
}

/// Runs all attacks until the siege is over.
pub(super) fn attack(siege: &Arc<Siege>) -> anyhow::Result<Outcomes> {
    let mut threads = Vec::new();
    for (name, count, attempt) in ATTACKS {
        for number in 0..count {
            let random = SeededRandom::stream(siege.seed, 1000 + number);
            let caller = siege.enemy.caller.again();
            let attacker = Attacker { siege: Arc::clone(siege), caller, random, number, count: 0 };
            threads.push((name, std::thread::Builder::new().spawn(move || attacker.attack(attempt))?));
        }
    }
    for (name, count, hold) in raw::ATTACKS {
        for _ in 0..count {
            let siege = Arc::clone(siege);
            threads.push((name, std::thread::Builder::new().spawn(move || hold(&siege))?));
        }
    }
    let mut outcomes = Outcomes::new();
    for (name, thread) in threads {
        let ended = thread.join().map_err(|_| anyhow::anyhow!("a thread of the enemy panicked"))?;
        for (outcome, count) in ended {
            *outcomes.entry(name).or_default().entry(outcome).or_default() += count;
        }
    }
    Ok(outcomes)
}
