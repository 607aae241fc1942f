//! Negative controls: wrong steps of devices, and a change without a stamp, which the judge must notice.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::device_calls::DeviceCalls;
use super::device_values::text;
use super::device_world::{DeviceFace, Mischief};
use super::{DeviceRun, SETTLE};
use crate::simulation::{PASSWORD, uid};

/// What a control does.
enum WrongStep {
    /// A device takes a wrong step when it gets a message or its recall.
    OfDevice { mischief: Mischief, on_recall: bool },
    /// A row is changed and not stamped.
    Unstamped,
}

const CONTROLS: [WrongStep; 4] = [
    WrongStep::OfDevice { mischief: Mischief::Drop("message"), on_recall: false },
    WrongStep::OfDevice { mischief: Mischief::Drop("recall"), on_recall: true },
    WrongStep::OfDevice { mischief: Mischief::KeepTooEarly("recall"), on_recall: true },
    WrongStep::Unstamped,
];

/// How long a wrong step may take to happen, and how long its trace must stay.
const PATIENCE: Duration = Duration::from_secs(20);
const STAYS: Duration = Duration::from_secs(1);

impl DeviceRun {
    /// How many wrong steps were noticed and how many there were; `None` if there are violations already.
    pub(super) fn controls(&self) -> anyhow::Result<Option<(usize, usize)>> {
        if !self.world.simulation.violations.is_empty() {
            return Ok(None);
        }
        self.world.rest()?;
        let pair = self.world.simulation.pair(0)?;
        let of_second = |face: &&Arc<DeviceFace>| face.person == pair.second && face.has_socket;
        let device = self.faces.iter().find(of_second).context("no device has a socket")?;
        let sender = ControlSender::log_in(self, pair.first, pair.second)?;
        let mut noticed = 0;
        for control in CONTROLS {
            noticed += usize::from(self.is_noticed(&control, device, &sender)?);
            device.forgets.store(true, Ordering::SeqCst);
            let left = self.judge.settle(std::slice::from_ref(device), SETTLE);
            ensure!(left.is_empty(), "a device that begins again differs: {left:?}");
        }
        Ok(Some((noticed, CONTROLS.len())))
    }

    fn is_noticed(
        &self,
        control: &WrongStep,
        device: &Arc<DeviceFace>,
        sender: &ControlSender,
    ) -> anyhow::Result<bool> {
        let message = sender.send()?;
        // A recall of the newest message comes with an entry, which would correct a device.
        sender.send()?;
        let settled = self.judge.settle(std::slice::from_ref(device), SETTLE);
        ensure!(settled.is_empty(), "not settled before a control: {settled:?}");
        match control {
            WrongStep::Unstamped => self.change_unstamped(device.person)?,
            WrongStep::OfDevice { mischief, on_recall } => {
                *device.mischief.lock() = Some(*mischief);
                if *on_recall {
                    sender.recall(&message)?;
                } else {
                    sender.send()?;
                }
                let begun = Instant::now();
                while device.mischief.lock().is_some() {
                    ensure!(begun.elapsed() < PATIENCE, "{mischief:?} does not happen");
                    std::thread::sleep(Duration::from_millis(10));
                }
            }
        }
        std::thread::sleep(STAYS);
        let is_noticed = !self.judge.settle(std::slice::from_ref(device), Duration::ZERO).is_empty();
        Ok(is_noticed)
    }

    fn change_unstamped(&self, person: usize) -> anyhow::Result<()> {
        let simulation = &self.world.simulation;
        let (member, conversation) = (&simulation.person(person)?.id, &simulation.pair(0)?.conversation);
        self.nemesis.execute(&format!(
            "UPDATE conversation_members SET pinned = NOT pinned WHERE user_id = '{member}' AND conversation_id = '{conversation}'"
        ))?;
        Ok(())
    }
}

/// A friend of the device's person.
struct ControlSender {
    calls: DeviceCalls,
    base: String,
    token: String,
    receiver: String,
    conversation: String,
}

impl ControlSender {
    fn log_in(run: &DeviceRun, sender: usize, receiver: usize) -> anyhow::Result<Self> {
        let simulation = &run.world.simulation;
        let (calls, base) = (DeviceCalls::new(), simulation.fleet.choose(0).base);
        let log_in = |person| {
            let login =
                calls.post(&base, "/api/login/uid", "", &json!({"uid": uid(person), "password": PASSWORD}));
            let tokens = login.data().and_then(|data| data.get("token_class")).context("no login")?;
            anyhow::Ok(text(tokens, "token").to_owned())
        };
        // They are friends, and none blocks the other.
        for (from, to) in [(sender, receiver), (receiver, sender)] {
            let (token, other) = (log_in(from)?, &simulation.person(to)?.id);
            calls.delete(&base, &format!("/api/auth/blocks/{other}"), &token);
        }
        for (from, to) in [(sender, receiver), (receiver, sender)] {
            let (token, other) = (log_in(from)?, &simulation.person(to)?.id);
            calls.post(&base, "/api/auth/friendship_requests", &token, &json!({"receiver_id": other}));
        }
        let (token, receiver) = (log_in(sender)?, simulation.person(receiver)?.id.clone());
        let conversation = simulation.pair(0)?.conversation.clone();
        Ok(Self { calls, base, token, receiver, conversation })
    }

    /// Sends a message; returns its id.
    fn send(&self) -> anyhow::Result<String> {
        let content = format!("{} control", self.conversation);
        let body = json!({"receiver_id": self.receiver, "content": content});
        let answer = self.calls.post(&self.base, "/api/auth/messages", &self.token, &body);
        let id = answer.data().and_then(Value::as_str);
        Ok(id.with_context(|| format!("{} {}", answer.status, answer.body))?.to_owned())
    }

    fn recall(&self, message: &str) -> anyhow::Result<()> {
        let path = format!("/api/auth/message/recall?message_id={message}");
        let answer = self.calls.delete(&self.base, &path, &self.token);
        ensure!(answer.status == 200, "{} {}", answer.status, answer.body);
        Ok(())
    }
}
