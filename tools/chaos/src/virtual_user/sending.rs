//! Sending, retrying under the same key, recalling.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::VirtualUser;
use crate::fleet::ServerAddress;
use crate::history::{Interval, SendOperation, SendStatus};
use crate::http::{ApiCall, CallResult, Method};
use crate::message_text;
use crate::violation::ViolatedRule;

/// How many of the own sends are remembered for later.
const REMEMBERED: usize = 30;

impl VirtualUser {
    /// Sends the next text. A send without a key is never retried, because the server would rightly store it twice.
    pub(super) fn send(&mut self, pair: usize, keyed: bool) -> anyhow::Result<()> {
        let number = self.begin_send(pair, keyed);
        let simulation = std::sync::Arc::clone(&self.simulation);
        let call = self.send_call(&simulation, pair, number, keyed)?;
        let (reply, had_unknown) = if keyed {
            let settled = self.call_until_answered(&call);
            (settled.reply, settled.had_unknown)
        } else {
            let address = simulation.fleet.choose(self.random.below(2));
            let reply = self.client.call(&address, &call);
            if matches!(reply, CallResult::Unknown(_)) {
                std::thread::sleep(Self::PAUSE);
            }
            (reply, false)
        };
        self.end_send(pair, number, &reply, had_unknown)
    }

    /// Sends once, through the given server.
    ///
    /// # Errors
    /// When there is no such pair.
    pub(crate) fn send_through(&mut self, pair: usize, address: &ServerAddress) -> anyhow::Result<bool> {
        let number = self.begin_send(pair, true);
        let simulation = std::sync::Arc::clone(&self.simulation);
        let call = self.send_call(&simulation, pair, number, true)?;
        let reply = self.client.call(address, &call);
        self.end_send(pair, number, &reply, false)?;
        Ok(matches!(reply, CallResult::Ok(_)))
    }

    fn begin_send(&mut self, pair: usize, keyed: bool) -> usize {
        let begun = self.simulation.clock.now();
        let span = Interval { begun, ended: u64::MAX };
        self.record.sends.push(SendOperation { pair, keyed, span, outcome: SendStatus::Unknown });
        self.record.sends.len() - 1
    }

    fn send_call<'a>(
        &self,
        simulation: &'a crate::simulation::Simulation,
        pair: usize,
        number: usize,
        keyed: bool,
    ) -> anyhow::Result<ApiCall<'a>> {
        let other = simulation.person(simulation.pair(pair)?.other(self.me))?;
        let mut body = json!({"receiver_id": other.id, "content": message_text::write(simulation.seed, self.me, number)});
        if let (true, Some(fields)) = (keyed, body.as_object_mut()) {
            fields.insert("client_message_id".to_owned(), json!(format!("key {number}")));
        }
        let path = "/api/auth/messages".to_owned();
        Ok(ApiCall {
            method: Method::Post,
            path,
            token: &simulation.person(self.me)?.token,
            body: Some(body),
        })
    }

    fn end_send(
        &mut self,
        pair: usize,
        number: usize,
        reply: &CallResult,
        had_unknown: bool,
    ) -> anyhow::Result<()> {
        let ended = self.simulation.clock.now();
        let outcome = match reply {
            CallResult::Ok(Value::String(id)) => {
                self.simulation.acknowledged.fetch_add(1, Ordering::Relaxed);
                self.remember(pair, number, id);
                SendStatus::Acknowledged(message_text::fingerprint(id))
            }
            CallResult::Ok(other) => {
                self.report_violation(ViolatedRule::Refused, format!("a send was answered with {other}"));
                SendStatus::Unknown
            }
            // An unanswered attempt may have been stored before the one that was refused.
            CallResult::Refused { .. } if had_unknown => SendStatus::Unknown,
            CallResult::Refused { .. } => SendStatus::Refused,
            CallResult::Unknown(_) => SendStatus::Unknown,
        };
        let unsteady = self.pair(pair)?.unsteady;
        if let CallResult::Refused { code, error } = reply
            && !(unsteady && error == "not_friends")
        {
            self.report_violation(ViolatedRule::Refused, format!("send {number}: {code} {error}"));
        }
        if let Some(sending) = self.record.sends.get_mut(number) {
            sending.outcome = outcome;
            // A send with an unknown result may be stored at any later time.
            sending.span.ended = if outcome == SendStatus::Unknown { u64::MAX } else { ended };
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

    /// Repeats an acknowledged send with its key: every instance must return the same message id.
    pub(super) fn send_again(&mut self, pair: usize) -> anyhow::Result<()> {
        let recent: Vec<_> = self.memory(pair).own.iter().filter(|(_, _, keyed)| *keyed).cloned().collect();
        let Some((number, id, _)) = self.random.pick(&recent).cloned() else { return Ok(()) };
        let simulation = std::sync::Arc::clone(&self.simulation);
        let call = self.send_call(&simulation, pair, number, true)?;
        let settled = self.call_expecting_success(&call);
        if let CallResult::Ok(again) = settled.reply
            && again != json!(id)
        {
            self.report_violation(
                ViolatedRule::Key,
                format!("send {number} had id {id} and now has {again}"),
            );
        }
        Ok(())
    }

    pub(super) fn recall(&mut self, pair: usize) -> anyhow::Result<()> {
        let recent: Vec<_> = self.memory(pair).own.iter().cloned().collect();
        let Some((number, id, _)) = self.random.pick(&recent).cloned() else { return Ok(()) };
        let simulation = std::sync::Arc::clone(&self.simulation);
        let path = format!("/api/auth/message/recall?message_id={id}");
        let token = &simulation.person(self.me)?.token;
        let settled =
            self.call_expecting_success(&ApiCall { method: Method::Delete, path, token, body: None });
        if matches!(settled.reply, CallResult::Ok(_)) {
            self.side(pair).recalled.insert(number);
        }
        Ok(())
    }
}
