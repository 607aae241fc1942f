//! One socket of a device from its opening to its end.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::device_values::{number, text};
use super::device_world::Mischief;
use super::reference_client::{ReferenceClient, is_reset};
use super::socket_wire::{SocketWire, WireEvent};
use crate::violation::{ViolatedRule, Violation};

/// The heartbeat that the servers of the run are set to.
pub(super) const HEARTBEAT: (&str, &str) = ("HONGYAN_SOCKET_PING_SECONDS", "1");
/// Silence after which the server is asked, and after which the device comes back. Shorter than by the rule, as the heartbeat is.
const SILENCE: Duration = Duration::from_secs(3);
const GIVE_UP: Duration = Duration::from_secs(5);
/// How long nothing may arrive before a device does something else.
const IDLE: Duration = Duration::from_millis(30);
/// How long after its end a session may still receive something: 5 s by the contract while the
/// database is there, and a pause of the machine.
const AFTER_END: Duration = Duration::from_secs(8);
/// One of so many idle moments is the last of a session.
const RARELY: usize = 1500;

/// A socket and what is known of its end.
struct SocketRide {
    wire: SocketWire,
    heard: Instant,
    has_asked: bool,
    /// Whether the device has asked for the end of its session, answered or not.
    is_ending: bool,
    /// When the server confirmed the end of the session.
    ended: Option<Instant>,
    retry: Option<Duration>,
    /// Frames that wait to be applied: the mischief of a device.
    waiting: Vec<Value>,
}

impl ReferenceClient {
    /// Opens a socket with the stored cursor, and applies what it tells until it ends.
    pub(super) fn ride(&mut self) {
        let gate = self.gate();
        let Some(wire) = gate.and_then(|(gate, _)| SocketWire::open(gate).ok()) else {
            self.world.count("handshakes failed");
            return self.pause(None);
        };
        self.world.count("sockets opened");
        if gate.is_some_and(|(_, by_nginx)| by_nginx) {
            self.world.count("sockets opened through nginx");
        }
        self.laws.reconnected();
        let mut ride = SocketRide {
            wire,
            heard: Instant::now(),
            has_asked: false,
            is_ending: false,
            ended: None,
            retry: None,
            waiting: Vec::new(),
        };
        while self.step(&mut ride) && !self.world.is_over() {}
        if ride.is_ending {
            self.token.clear();
        }
        if !ride.waiting.is_empty() || self.random.one_in(2) {
            self.die();
        }
        if !self.world.is_over() {
            self.pause(ride.retry);
        }
    }

    /// Takes one event. False at the end.
    fn step(&mut self, ride: &mut SocketRide) -> bool {
        let event = match ride.wire.receive(IDLE) {
            Ok(event) => event,
            Err(error) => {
                self.report(vec![Violation::new(ViolatedRule::Altered, format!("a socket: {error:#}"))]);
                return false;
            }
        };
        if event.is_some() {
            ride.heard = Instant::now();
            ride.has_asked = false;
        }
        let is_open = matches!(event, Some(WireEvent::Text(_) | WireEvent::SignOfLife));
        if is_open && ride.ended.is_some_and(|ended| self.world.healthy_since(ended) > AFTER_END) {
            let detail = format!("a socket whose session has ended goes on: {event:?}");
            self.report(vec![Violation::new(ViolatedRule::AfterEnd, detail)]);
            return false;
        }
        match event {
            None => self.idle(ride),
            Some(WireEvent::SignOfLife) => true,
            Some(WireEvent::Text(frame)) => self.take(ride, &frame),
            Some(WireEvent::Close(code)) => {
                self.closed(ride, code);
                false
            }
            Some(WireEvent::End) => {
                self.world.count("sockets cut");
                false
            }
        }
    }

    fn idle(&mut self, ride: &mut SocketRide) -> bool {
        if ride.heard.elapsed() > GIVE_UP {
            self.world.count("sockets given up in silence");
            return false;
        }
        if ride.heard.elapsed() > SILENCE && !ride.has_asked {
            ride.has_asked = true;
            return ride.wire.send(&json!({"type": "ping", "id": 1})).is_ok();
        }
        if self.face.forgets.load(std::sync::atomic::Ordering::SeqCst) {
            return false;
        }
        if !ride.is_ending && !self.world.is_quiet() && self.random.one_in(RARELY) {
            ride.is_ending = true;
        }
        // Until the server confirms it: a request that got no answer may have ended nothing.
        if ride.is_ending && ride.ended.is_none() && self.log_out() {
            self.world.count("sessions ended");
            ride.ended = Some(Instant::now());
        }
        if !ride.is_ending {
            self.tidy(20);
        }
        true
    }

    fn take(&mut self, ride: &mut SocketRide, frame: &Value) -> bool {
        let kind = text(frame, "type");
        self.world.count(&format!("frame {kind}"));
        match kind {
            "hello" => {
                let token = &self.token;
                let frame = json!({"type": "authenticate", "token": token, "cursor": self.cursor});
                return ride.wire.send(&frame).is_ok();
            }
            "expiring" if !ride.is_ending => {
                self.renew();
                let frame = json!({"type": "authenticate", "token": self.token});
                return !self.token.is_empty() && ride.wire.send(&frame).is_ok();
            }
            "live" => self.failures = 0,
            "goodbye" => {
                ride.retry = u64::try_from(number(frame, "retry_ms")).ok().map(Duration::from_millis);
            }
            "tick" => {
                let Some(cursor) = frame.get("cursor").and_then(Value::as_str) else { return true };
                self.keep(cursor.to_owned());
                // With frames that wait, the cursor was kept too early.
                return ride.waiting.is_empty();
            }
            _ => self.apply(ride, frame),
        }
        true
    }

    fn apply(&mut self, ride: &mut SocketRide, frame: &Value) {
        let found = self.laws.judge(frame);
        self.report(found);
        let kind = text(frame, "type");
        let mut mischief = self.face.mischief.lock();
        match *mischief {
            Some(Mischief::Drop(dropped)) if dropped == kind => {
                *mischief = None;
                return;
            }
            Some(Mischief::KeepTooEarly(late)) if late == kind => {
                *mischief = None;
                ride.waiting.push(frame.clone());
            }
            _ => {}
        }
        drop(mischief);
        if !ride.waiting.is_empty() {
            return;
        }
        self.face.state.lock().apply(frame);
        if kind == "sync" {
            let data = frame.get("data").unwrap_or(&Value::Null);
            if is_reset(data) {
                self.world.count("resets");
            }
            if frame.get("more") == Some(&Value::Bool(false)) {
                self.keep(text(data, "cursor").to_owned());
            }
        }
    }

    /// What a close code asks for.
    fn closed(&mut self, ride: &mut SocketRide, code: u16) {
        self.world.count(&format!("closed {code}"));
        match code {
            4401 | 4402 if !ride.is_ending => self.renew(),
            4403 if ride.is_ending => {}
            1000 | 1012 | 1013 | 4401 | 4402 | 4408 | 4410 => {}
            _ => {
                let detail = format!("a device that follows the rules was closed with {code}");
                self.report(vec![Violation::new(ViolatedRule::Refused, detail)]);
                self.token.clear();
            }
        }
    }
}
