//! Ending a friendship and restoring it.

use std::time::Duration;

use super::VirtualUser;
use crate::history::Interval;
use crate::http::{ApiCall, CallResult, Method};
use crate::simulation::friendship_request;
use crate::violation::ViolatedRule;

/// How long an unanswered attempt may still be executed: longer than the server waits for a thread, a lock and a
/// statement together.
const LATE_EXECUTION: Duration = Duration::from_secs(20);

impl VirtualUser {
    /// Ends the friendship or restores it; only the first member of an unsteady pair does.
    pub(super) fn toggle_friendship(&mut self, pair: usize) -> anyhow::Result<()> {
        let of = self.pair(pair)?;
        let now = self.simulation.clock.now();
        if !of.unsteady || of.first != self.me || now < self.memory(pair).friendship_fixed_until {
            return Ok(());
        }
        if self.side(pair).are_friends() { self.unfriend(pair) } else { self.refriend(pair) }
    }

    fn unfriend(&mut self, pair: usize) -> anyhow::Result<()> {
        let simulation = std::sync::Arc::clone(&self.simulation);
        let path = format!("/api/auth/friendships/{}", simulation.person(simulation.pair(pair)?.second)?.id);
        let token = &simulation.person(self.me)?.token;
        let settled = self.call_until_answered(&ApiCall { method: Method::Delete, path, token, body: None });
        // An unanswered attempt may have been the one that ended it.
        let ended = matches!(settled.reply, CallResult::Ok(_))
            || (settled.had_unknown && settled.reply.is_refusal("not_friends"));
        if !ended {
            self.report_violation(
                ViolatedRule::Friendship,
                format!("a friendship cannot be ended: {:?}", settled.reply),
            );
            return Ok(());
        }
        let memory = self.memory(pair);
        memory.follower.cleared();
        memory.read.clear();
        self.side(pair).unfriendings.push(settled.span);
        self.leave_friendship_alone(pair, settled.had_unknown);
        Ok(())
    }

    /// Sends requests in both directions until the response is `already_friends`.
    fn refriend(&mut self, pair: usize) -> anyhow::Result<()> {
        const TRIES: usize = 20;
        let simulation = std::sync::Arc::clone(&self.simulation);
        let of = simulation.pair(pair)?;
        let (first, second) = (simulation.person(of.first)?, simulation.person(of.second)?);
        let begun = simulation.clock.now();
        let mut had_unknown = false;
        for step in 0..TRIES {
            let (from, to) = if step % 2 == 0 { (first, second) } else { (second, first) };
            let settled = self.call_until_answered(&friendship_request(from, to));
            had_unknown |= settled.had_unknown;
            if settled.reply.is_refusal("already_friends") {
                let span = Interval { begun, ended: settled.span.ended };
                self.side(pair).refriendings.push(span);
                self.leave_friendship_alone(pair, had_unknown);
                return Ok(());
            }
        }
        self.report_violation(
            ViolatedRule::Friendship,
            format!("pair {pair} cannot become friends a second time"),
        );
        Ok(())
    }

    fn leave_friendship_alone(&mut self, pair: usize, had_unknown: bool) {
        if had_unknown {
            let until =
                self.simulation.clock.now() + u64::try_from(LATE_EXECUTION.as_nanos()).unwrap_or_default();
            self.memory(pair).friendship_fixed_until = until;
        }
    }
}
