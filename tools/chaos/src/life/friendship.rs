//! Ending a friendship and making it again.

use std::time::Duration;

use super::Life;
use crate::history::Span;
use crate::http::{Call, Method, Reply};
use crate::violation::Rule;
use crate::world::friendship_request;

/// How long after a try without an answer that try may still be carried out: longer than the server waits for a thread, a
/// lock and a statement together.
const ECHO: Duration = Duration::from_secs(20);

impl Life {
    /// Ends the friendship, or makes it again; only the first of a fickle pair does.
    pub(super) fn be_fickle(&mut self, pair: usize) -> anyhow::Result<()> {
        let of = self.pair(pair)?;
        let now = self.world.clock.now();
        if !of.fickle || of.first != self.me || now < self.memory(pair).rests_until {
            return Ok(());
        }
        if self.side(pair).are_friends() { self.part(pair) } else { self.reunite(pair) }
    }

    fn part(&mut self, pair: usize) -> anyhow::Result<()> {
        let world = std::sync::Arc::clone(&self.world);
        let path = format!("/api/auth/friendships/{}", world.person(world.pair(pair)?.second)?.id);
        let token = &world.person(self.me)?.token;
        let settled = self.insist(&Call { method: Method::Delete, path, token, body: None });
        // Where a try had no answer, it may have been the one that ended it.
        let ended = matches!(settled.reply, Reply::Ok(_))
            || (settled.doubtful && settled.reply.is_refusal("not_friends"));
        if !ended {
            self.complain(Rule::Friendship, format!("a friend cannot be left: {:?}", settled.reply));
            return Ok(());
        }
        let memory = self.memory(pair);
        memory.follower.cleared();
        memory.read.clear();
        self.side(pair).partings.push(settled.span);
        self.rest(pair, settled.doubtful);
        Ok(())
    }

    /// Both ask, the first as often as it takes to hear that they are friends.
    fn reunite(&mut self, pair: usize) -> anyhow::Result<()> {
        const TRIES: usize = 20;
        let world = std::sync::Arc::clone(&self.world);
        let of = world.pair(pair)?;
        let (first, second) = (world.person(of.first)?, world.person(of.second)?);
        let begun = world.clock.now();
        let mut doubtful = false;
        for step in 0..TRIES {
            let (from, to) = if step % 2 == 0 { (first, second) } else { (second, first) };
            let settled = self.insist(&friendship_request(from, to));
            doubtful |= settled.doubtful;
            if settled.reply.is_refusal("already_friends") {
                let span = Span { begun, ended: settled.span.ended };
                self.side(pair).reunions.push(span);
                self.rest(pair, doubtful);
                return Ok(());
            }
        }
        self.complain(Rule::Friendship, format!("pair {pair} cannot become friends again"));
        Ok(())
    }

    fn rest(&mut self, pair: usize, doubtful: bool) {
        if doubtful {
            let until = self.world.clock.now() + u64::try_from(ECHO.as_nanos()).unwrap_or_default();
            self.memory(pair).rests_until = until;
        }
    }
}
