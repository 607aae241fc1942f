//! Sending, sending again under the same key, recalling.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::Life;
use crate::fleet::Address;
use crate::history::{Outcome, Sending, Span};
use crate::http::{Call, Method, Reply};
use crate::text;
use crate::violation::Rule;

/// How many of the own sends are remembered for later.
const REMEMBERED: usize = 30;

impl Life {
    /// Sends the next text. Without a key it is never sent a second time, because it would rightly be stored twice.
    pub(super) fn send(&mut self, pair: usize, keyed: bool) -> anyhow::Result<()> {
        let number = self.begin_send(pair, keyed);
        let world = std::sync::Arc::clone(&self.world);
        let call = self.send_call(&world, pair, number, keyed)?;
        let (reply, doubtful) = if keyed {
            let settled = self.insist(&call);
            (settled.reply, settled.doubtful)
        } else {
            let address = world.fleet.choose(self.random.below(2));
            (self.client.call(&address, &call), false)
        };
        self.end_send(pair, number, &reply, doubtful)
    }

    /// Sends through one server, whatever others there are.
    ///
    /// # Errors
    /// When there is no such pair.
    pub(crate) fn send_through(&mut self, pair: usize, address: &Address) -> anyhow::Result<bool> {
        let number = self.begin_send(pair, true);
        let world = std::sync::Arc::clone(&self.world);
        let call = self.send_call(&world, pair, number, true)?;
        let reply = self.client.call(address, &call);
        self.end_send(pair, number, &reply, false)?;
        Ok(matches!(reply, Reply::Ok(_)))
    }

    fn begin_send(&mut self, pair: usize, keyed: bool) -> usize {
        let begun = self.world.clock.now();
        let span = Span { begun, ended: u64::MAX };
        self.record.sends.push(Sending { pair, keyed, span, outcome: Outcome::Unknown });
        self.record.sends.len() - 1
    }

    fn send_call<'a>(
        &self,
        world: &'a crate::world::World,
        pair: usize,
        number: usize,
        keyed: bool,
    ) -> anyhow::Result<Call<'a>> {
        let other = world.person(world.pair(pair)?.other(self.me))?;
        let mut body = json!({"receiver_id": other.id, "content": text::write(world.seed, self.me, number)});
        if let (true, Some(fields)) = (keyed, body.as_object_mut()) {
            fields.insert("client_message_id".to_owned(), json!(format!("key {number}")));
        }
        let path = "/api/auth/messages".to_owned();
        Ok(Call { method: Method::Post, path, token: &world.person(self.me)?.token, body: Some(body) })
    }

    fn end_send(&mut self, pair: usize, number: usize, reply: &Reply, doubtful: bool) -> anyhow::Result<()> {
        let ended = self.world.clock.now();
        let outcome = match reply {
            Reply::Ok(Value::String(id)) => {
                self.world.acknowledged.fetch_add(1, Ordering::Relaxed);
                self.remember(pair, number, id);
                Outcome::Acknowledged(text::fingerprint(id))
            }
            Reply::Ok(other) => {
                self.complain(Rule::Refused, format!("a send was answered with {other}"));
                Outcome::Unknown
            }
            // A try without an answer may have been stored before the one that was refused.
            Reply::Refused { .. } if doubtful => Outcome::Unknown,
            Reply::Refused { .. } => Outcome::Refused,
            Reply::Unknown(_) => Outcome::Unknown,
        };
        let fickle = self.pair(pair)?.fickle;
        if let Reply::Refused { code, error } = reply
            && !(fickle && error == "not_friends")
        {
            self.complain(Rule::Refused, format!("send {number}: {code} {error}"));
        }
        if let Some(sending) = self.record.sends.get_mut(number) {
            sending.outcome = outcome;
            // What nobody knows may be stored at any later time.
            sending.span.ended = if outcome == Outcome::Unknown { u64::MAX } else { ended };
        }
        Ok(())
    }

    fn remember(&mut self, pair: usize, number: usize, id: &str) {
        let keyed = self.record.sends.get(number).is_some_and(|send| send.keyed);
        let own = &mut self.memory(pair).own;
        own.push_back((number, id.to_owned(), keyed));
        if own.len() > REMEMBERED {
            own.pop_front();
        }
    }

    /// Sends something acknowledged again: the id must be the same, on every instance.
    pub(super) fn send_again(&mut self, pair: usize) -> anyhow::Result<()> {
        let recent: Vec<_> = self.memory(pair).own.iter().filter(|(_, _, keyed)| *keyed).cloned().collect();
        let Some((number, id, _)) = self.random.pick(&recent).cloned() else { return Ok(()) };
        let world = std::sync::Arc::clone(&self.world);
        let call = self.send_call(&world, pair, number, true)?;
        let settled = self.must(&call);
        if let Reply::Ok(again) = settled.reply
            && again != json!(id)
        {
            self.complain(Rule::Key, format!("send {number} was {id} and is now {again}"));
        }
        Ok(())
    }

    pub(super) fn recall(&mut self, pair: usize) -> anyhow::Result<()> {
        let recent: Vec<_> = self.memory(pair).own.iter().cloned().collect();
        let Some((number, id, _)) = self.random.pick(&recent).cloned() else { return Ok(()) };
        let world = std::sync::Arc::clone(&self.world);
        let path = format!("/api/auth/message/recall?message_id={id}");
        let token = &world.person(self.me)?.token;
        let settled = self.must(&Call { method: Method::Delete, path, token, body: None });
        if matches!(settled.reply, Reply::Ok(_)) {
            self.side(pair).recalled.insert(number);
        }
        Ok(())
    }
}
