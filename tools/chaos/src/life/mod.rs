//! What one person does: one thing after the other, until all is over.

mod friendship;
mod reading;
mod sending;

pub(crate) use reading::PAGE;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context;

use crate::follower::Follower;
use crate::history::{Record, Side, Span};
use crate::http::{Call, Client, Reply};
use crate::random::Random;
use crate::violation::Rule;
use crate::world::{Pair, World};

/// One person at work.
pub(crate) struct Life {
    world: Arc<World>,
    me: usize,
    client: Client,
    random: Random,
    record: Record,
    /// What is remembered of each conversation.
    memories: BTreeMap<usize, Memory>,
}

/// What a person remembers of a conversation for later.
#[derive(Default)]
struct Memory {
    follower: Follower,
    /// The last own sends that were acknowledged: number, message id, and whether they had a key.
    own: VecDeque<(usize, String, bool)>,
    /// The last messages that were read: place and id.
    read: Vec<(i64, String)>,
    /// The friendship is left alone until then: a try without an answer may still be on its way.
    rests_until: u64,
}

/// What became of a call that was tried until it was answered.
struct Settled {
    reply: Reply,
    span: Span,
    /// Whether some try was left without an answer.
    doubtful: bool,
}

impl Life {
    /// Everything is answered sooner or later: PostgreSQL is never away for longer than a few seconds.
    const PATIENCE: Duration = Duration::from_secs(90);

    pub(crate) fn begin(world: &Arc<World>, me: usize) -> anyhow::Result<Self> {
        let journal = world.folder.join(format!("journal-{me}"));
        let client = Client::new(Arc::clone(&world.fleet), world.clock, &journal)?;
        let random = Random::stream(world.seed, u64::try_from(me)? + 1);
        let pairs = world.pairs_of(me);
        let record = Record {
            sides: pairs.iter().map(|pair| (*pair, Side::default())).collect(),
            ..Record::default()
        };
        let memories = pairs.iter().map(|pair| (*pair, Memory::default())).collect();
        Ok(Self { world: Arc::clone(world), me, client, random, record, memories })
    }

    /// Lives until all is over.
    ///
    /// # Errors
    /// When the API answers what it cannot.
    pub(crate) fn live(mut self) -> anyhow::Result<Self> {
        let pairs = self.world.pairs_of(self.me);
        while !self.world.over.load(Ordering::Relaxed) {
            let pair = *self.random.pick(&pairs).context("somebody without friends")?;
            self.act(pair)?;
        }
        Ok(self)
    }

    /// Reads what is left to be read, once everybody's life is over, and tells what was done.
    ///
    /// # Errors
    /// When the API answers what it cannot.
    pub(crate) fn finish(mut self) -> anyhow::Result<Record> {
        for pair in self.world.pairs_of(self.me) {
            self.catch_up(pair)?;
        }
        self.record.tally = self.client.tally;
        Ok(self.record)
    }

    fn act(&mut self, pair: usize) -> anyhow::Result<()> {
        if !self.side(pair).are_friends() && self.random.one_in(10) {
            return self.be_fickle(pair);
        }
        match self.random.below(1000) {
            0..320 => self.send(pair, true),
            320..560 => self.send(pair, false),
            560..600 => self.send_again(pair),
            600..830 => self.follow(pair).map(drop),
            830..900 => self.mark_read(pair),
            900..940 => self.recall(pair),
            940..970 => self.delete(pair),
            970..990 => self.look_around(),
            _ => self.be_fickle(pair),
        }
    }

    /// Tries on one instance after the other until there is an answer.
    fn insist(&mut self, call: &Call<'_>) -> Settled {
        let begun = self.world.clock.now();
        let mut wanted = self.random.below(2);
        let mut doubtful = false;
        loop {
            let address = self.world.fleet.choose(wanted);
            let reply = self.client.call(&address, call);
            let ended = self.world.clock.now();
            let late = Duration::from_nanos(ended - begun) > Self::PATIENCE;
            if late {
                self.complain(Rule::Recovery, format!("{} was never answered: {reply:?}", call.path));
            }
            if late || !matches!(reply, Reply::Unknown(_)) {
                return Settled { reply, span: Span { begun, ended }, doubtful };
            }
            doubtful = true;
            wanted += 1;
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Insists, where no refusal is right.
    fn must(&mut self, call: &Call<'_>) -> Settled {
        let settled = self.insist(call);
        if let Reply::Refused { code, error } = &settled.reply {
            self.complain(Rule::Refused, format!("{:?} {}: {code} {error}", call.method, call.path));
        }
        settled
    }

    fn complain(&self, rule: Rule, detail: impl Into<String>) {
        self.world.complaints.add(rule, format!("person {}: {}", self.me, detail.into()));
    }

    fn pair(&self, pair: usize) -> anyhow::Result<Pair> {
        self.world.pair(pair).cloned()
    }

    fn memory(&mut self, pair: usize) -> &mut Memory {
        self.memories.entry(pair).or_default()
    }

    fn side(&mut self, pair: usize) -> &mut Side {
        self.record.sides.entry(pair).or_default()
    }
}
