//! Exchange of signals with other instances: what is due to be sent, and what a received line does, by whatever transport.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::realtime::TypingAudience;
use parking_lot::Mutex;
use uuid::Uuid;

use super::batch::SignalBatch;
use super::foreign::ForeignMessages;
use super::outbox::{BATCHES, Outgoing};
use crate::local_signals::{LocalSignals, WakeSource};

/// How often an instance on which clients wait says so while it has nothing else to say.
const BEACON: Duration = Duration::from_secs(10);

/// What a received line was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReceivedLine {
    /// The line of this instance.
    Own,
    /// The line of another instance.
    Other,
    /// A line of another version, or no line of Hongyan's.
    Unknown,
}

/// The signals of this instance and of the others.
pub(super) struct Exchange {
    own: Uuid,
    signals: Arc<LocalSignals>,
    audience: Arc<dyn TypingAudience>,
    messages: ForeignMessages,
    last_beacon: Mutex<Option<Instant>>,
}

impl Exchange {
    /// # Errors
    /// When the system has no random bytes.
    pub(super) fn new(
        signals: Arc<LocalSignals>,
        audience: Arc<dyn TypingAudience>,
        messages: ForeignMessages,
    ) -> io::Result<Self> {
        let mut own = [0; 16];
        getrandom::fill(&mut own).map_err(io::Error::other)?;
        Ok(Self { own: Uuid::from_bytes(own), signals, audience, messages, last_beacon: Mutex::new(None) })
    }

    /// A line without contents, which tells others whether clients wait here.
    pub(super) fn greeting(&self) -> String {
        let is_listening = self.signals.is_waited_for();
        SignalBatch { sender: self.own, is_listening, contents: <_>::default() }.encode()
    }

    /// Whether anything may be due soon: clients wait here, or on another instance.
    pub(super) fn is_busy(&self) -> bool {
        self.signals.is_waited_for() || self.signals.outbox().is_wanted()
    }

    /// The lines that are due: none, or one for each batch that waits.
    pub(super) fn due(&self) -> Vec<String> {
        let is_listening = self.signals.is_waited_for();
        let outgoing = || Some(self.signals.outbox().take()).filter(|contents| !contents.is_empty());
        let mut batches: Vec<Outgoing> = std::iter::from_fn(outgoing).take(BATCHES).collect();
        let mut last_beacon = self.last_beacon.lock();
        let is_recent = last_beacon.is_some_and(|last| last.elapsed() < BEACON);
        if batches.is_empty() && is_listening && !is_recent {
            batches.push(Outgoing::default());
        }
        if is_listening && !batches.is_empty() {
            *last_beacon = Some(Instant::now());
        }
        drop(last_beacon);
        let line = |contents| {
            self.signals.count_sent(&contents);
            SignalBatch { sender: self.own, is_listening, contents }.encode()
        };
        batches.into_iter().map(line).collect()
    }

    /// Takes a line in.
    pub(super) fn receive(&self, line: &str) -> ReceivedLine {
        let Some(batch) = SignalBatch::decode(line) else { return ReceivedLine::Unknown };
        if batch.sender == self.own {
            return ReceivedLine::Own;
        }
        if batch.is_listening {
            self.signals.outbox().want();
        }
        self.signals.count_received(&batch.contents);
        self.signals.wake(WakeSource::Signal, batch.contents.accounts);
        self.messages.show(&batch.contents.messages);
        for report in batch.contents.typing {
            self.audience.show(report);
        }
        ReceivedLine::Other
    }

    /// The transport is lost: nothing waits for it.
    pub(super) fn close(&self) {
        self.signals.outbox().close();
        *self.last_beacon.lock() = None;
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use domain::conversation::Directed;
    use domain::realtime::MessageMark;
    use domain::testing::user;

    use super::*;
    use crate::local_signals::tests::{Gallery, mark, message};
    use crate::runtime::worker::Worker;

    /// Keeps the reports that are shown.
    #[derive(Default)]
    struct Shown(Mutex<Vec<Directed>>);

    impl TypingAudience for Shown {
        fn show(&self, report: Directed) {
            self.0.lock().push(report);
        }
    }

    struct Instance {
        signals: Arc<LocalSignals>,
        shown: Arc<Shown>,
        gallery: Arc<Gallery>,
        exchange: Exchange,
    }

    fn instance() -> Instance {
        let (signals, shown) = (Arc::new(LocalSignals::new().unwrap()), Arc::<Shown>::default());
        let gallery = Arc::<Gallery>::default();
        signals.show_to(Arc::<Gallery>::clone(&gallery));
        let worker = Worker::new("foreign-test").unwrap();
        let read = |marks: &[MessageMark]| marks.iter().map(|mark| message(*mark, "x")).enumerate().collect();
        let messages = ForeignMessages::reading(&worker, Arc::clone(&signals), read).unwrap();
        let exchange = Exchange::new(Arc::clone(&signals), Arc::<Shown>::clone(&shown) as _, messages);
        Instance { signals, shown, gallery, exchange: exchange.unwrap() }
    }

    #[test]
    fn an_instance_says_once_that_clients_wait_and_then_gets_what_concerns_others() {
        let (here, there) = (instance(), instance());
        assert!(here.exchange.due().is_empty());
        here.signals.pass_on(Directed::new(user(1), user(2)).unwrap());
        here.signals.committed([user(2)]);
        assert!(here.exchange.due().is_empty(), "none listens");
        let waiting = there.signals.listen_here(user(2));
        let beacon = there.exchange.due().remove(0);
        assert!(there.exchange.due().is_empty());
        assert_eq!(here.exchange.receive(&beacon), ReceivedLine::Other);
        let report = Directed::new(user(1), user(2)).unwrap();
        here.signals.pass_on(report);
        here.signals.committed([user(2)]);
        let line = here.exchange.due().remove(0);
        assert_eq!(here.exchange.receive(&line), ReceivedLine::Own);
        assert!(here.shown.0.lock().is_empty());
        assert_eq!(there.exchange.receive(&line), ReceivedLine::Other);
        assert_eq!(*there.shown.0.lock(), [report]);
        assert_eq!(there.signals.woken(WakeSource::Signal), 1);
        drop(waiting);
    }

    #[test]
    fn a_message_stored_elsewhere_is_shown_to_those_who_follow_a_member() {
        let (here, there) = (instance(), instance());
        let _waiting = (there.signals.listen_here(user(1)), there.signals.follow_here(user(2)));
        assert_eq!(here.exchange.receive(&there.exchange.greeting()), ReceivedLine::Other);
        let marks = [mark(1, 2, 1), mark(3, 4, 1), mark(1, 2, 2)];
        here.signals.stored(&marks, |_| None);
        let line = here.exchange.due().remove(0);
        assert_eq!(there.exchange.receive(&line), ReceivedLine::Other);
        assert_eq!(there.signals.woken(WakeSource::Signal), 2, "the reader");
        let deadline = Instant::now() + Duration::from_secs(30);
        let shown = || there.gallery.shown.lock().clone();
        while shown().len() < 2 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(shown(), [(user(2), marks[0]), (user(2), marks[2])]);
    }

    #[test]
    fn a_lost_transport_drops_what_waits_and_is_greeted_again() {
        let (here, there) = (instance(), instance());
        let _waiting = [&here, &there].map(|instance| instance.signals.listen_here(user(2)));
        assert_eq!(here.exchange.receive(&there.exchange.greeting()), ReceivedLine::Other);
        here.signals.committed([user(2)]);
        assert_eq!(here.exchange.due().len(), 1);
        here.signals.committed([user(2)]);
        here.exchange.close();
        assert!(!here.signals.outbox().is_wanted());
        assert_eq!(here.exchange.due(), [here.exchange.greeting()]);
        assert_eq!(here.exchange.receive("garbage"), ReceivedLine::Unknown);
    }
}
