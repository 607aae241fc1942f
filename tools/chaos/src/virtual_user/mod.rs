//! A virtual user: performs one random API operation after the other until the run is over.

mod friendships;
mod reading;
mod sending;

pub(crate) use reading::PAGE;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context;

use crate::follower::Follower;
use crate::history::{Interval, MemberActions, UserHistory};
use crate::http::{ApiCall, ApiClient, CallResult};
use crate::seeded_random::SeededRandom;
use crate::simulation::{FriendPair, Simulation};
use crate::violation::ViolatedRule;

/// One virtual user.
pub(crate) struct VirtualUser {
    simulation: Arc<Simulation>,
    me: usize,
    client: ApiClient,
    random: SeededRandom,
    record: UserHistory,
    /// State kept for each conversation.
    memories: BTreeMap<usize, ConversationMemory>,
}

/// What a user remembers of a conversation for later operations.
#[derive(Default)]
struct ConversationMemory {
    follower: Follower,
    /// The latest own acknowledged sends: number, message id, and whether they had a key.
    own: VecDeque<(usize, String, bool)>,
    /// The latest messages read: `seq` and id.
    read: Vec<(i64, String)>,
    /// Until then the friendship is not changed, because an unanswered attempt may still be executed.
    friendship_fixed_until: u64,
}

/// A call that was retried until it was answered.
struct RetriedCall {
    reply: CallResult,
    span: Interval,
    /// Whether an attempt got no response.
    had_unknown: bool,
}

impl VirtualUser {
    /// Every call is answered within this time: PostgreSQL is never away for longer than a few seconds.
    const TIMEOUT: Duration = Duration::from_secs(90);

    /// The pause after a call that got no answer.
    const PAUSE: Duration = Duration::from_millis(10);

    pub(crate) fn begin(simulation: &Arc<Simulation>, me: usize) -> anyhow::Result<Self> {
        let journal = simulation.folder.join(format!("journal-{me}"));
        let client = ApiClient::new(Arc::clone(&simulation.fleet), simulation.clock, &journal)?;
        let random = SeededRandom::stream(simulation.seed, u64::try_from(me)? + 1);
        let pairs = simulation.pairs_of(me);
        let record = UserHistory {
            sides: pairs.iter().map(|pair| (*pair, MemberActions::default())).collect(),
            ..UserHistory::default()
        };
        let memories = pairs.iter().map(|pair| (*pair, ConversationMemory::default())).collect();
        Ok(Self { simulation: Arc::clone(simulation), me, client, random, record, memories })
    }

    /// Performs operations until the run is over.
    ///
    /// # Errors
    /// When the API returns something impossible.
    pub(crate) fn run(mut self) -> anyhow::Result<Self> {
        let pairs = self.simulation.pairs_of(self.me);
        while !self.simulation.over.load(Ordering::Relaxed) {
            let pair = *self.random.pick(&pairs).context("a user has no friends")?;
            self.step(pair)?;
        }
        Ok(self)
    }

    /// Reads the remaining messages after the load has stopped and returns the history.
    ///
    /// # Errors
    /// When the API returns something impossible.
    pub(crate) fn finish(mut self) -> anyhow::Result<UserHistory> {
        for pair in self.simulation.pairs_of(self.me) {
            self.catch_up(pair)?;
        }
        self.record.tally = self.client.tally;
        self.record.slow_calls = self.client.slow_calls;
        Ok(self.record)
    }

    fn step(&mut self, pair: usize) -> anyhow::Result<()> {
        if !self.side(pair).are_friends() && self.random.one_in(10) {
            return self.toggle_friendship(pair);
        }
        match self.random.below(1000) {
            0..320 => self.send(pair, true),
            320..560 => self.send(pair, false),
            560..600 => self.send_again(pair),
            600..830 => self.follow(pair).map(drop),
            830..900 => self.mark_read(pair),
            900..940 => self.recall(pair),
            940..970 => self.delete(pair),
            970..990 => self.read_lists(),
            _ => self.toggle_friendship(pair),
        }
    }

    /// Retries on alternating instances until there is a response.
    fn call_until_answered(&mut self, call: &ApiCall<'_>) -> RetriedCall {
        let begun = self.simulation.clock.now();
        let mut wanted = self.random.below(2);
        let mut had_unknown = false;
        loop {
            let address = self.simulation.fleet.choose(wanted);
            let reply = self.client.call(&address, call);
            let ended = self.simulation.clock.now();
            let late = Duration::from_nanos(ended - begun) > Self::TIMEOUT;
            if late {
                self.report_violation(
                    ViolatedRule::Recovery,
                    format!("{} was never answered: {reply:?}", call.path),
                );
            }
            if late || !matches!(reply, CallResult::Unknown(_)) {
                return RetriedCall { reply, span: Interval { begun, ended }, had_unknown };
            }
            had_unknown = true;
            wanted += 1;
            std::thread::sleep(Self::PAUSE);
        }
    }

    /// Like [`Self::call_until_answered`], but reports any refusal as a violation.
    fn call_expecting_success(&mut self, call: &ApiCall<'_>) -> RetriedCall {
        let settled = self.call_until_answered(call);
        if let CallResult::Refused { code, error } = &settled.reply {
            self.report_violation(
                ViolatedRule::Refused,
                format!("{:?} {}: {code} {error}", call.method, call.path),
            );
        }
        settled
    }

    fn report_violation(&self, rule: ViolatedRule, detail: impl Into<String>) {
        self.simulation.violations.add(rule, format!("person {}: {}", self.me, detail.into()));
    }

    fn pair(&self, pair: usize) -> anyhow::Result<FriendPair> {
        self.simulation.pair(pair).cloned()
    }

    fn memory(&mut self, pair: usize) -> &mut ConversationMemory {
        self.memories.entry(pair).or_default()
    }

    fn side(&mut self, pair: usize) -> &mut MemberActions {
        self.record.sides.entry(pair).or_default()
    }
}
