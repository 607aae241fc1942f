//! Wake-ups within an instance: a request that waits for changes of an account wakes when a transaction that concerns it is committed.
//! Sockets are shown stored messages themselves. What other instances need to know waits in the outbox of `signals`.
//!
//! Both are hints: they may come for nothing, and what is lost is made up for by the poll of `postgres/sync`.

mod delivered;
mod instance;
mod waiting;

use std::io;
use std::sync::{Arc, OnceLock};

pub(crate) use delivered::DeliveredStamps;
use domain::conversation::Directed;
use domain::id::UserId;
use domain::number::saturating;
use domain::realtime::{HandOver, MessageAudience, MessageMark, ReadPoint, StoredMessage};
pub use instance::InstanceSignals;
use prometheus::IntCounterVec;
pub(crate) use waiting::LocalListener;
use waiting::{Followed, ListenerKind, ReaderWake, Waiting};

use crate::metrics::{self, Collectors};
use crate::signals::outbox::{Outbox, Outgoing};

/// What a wake-up came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WakeSource {
    /// A commit on this instance.
    Commit,
    /// A signal of another instance.
    Signal,
    /// The change poll.
    Poll,
}

impl WakeSource {
    const NAMES: [&str; 3] = [Self::Commit.name(), Self::Signal.name(), Self::Poll.name()];

    const fn name(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Signal => "signal",
            Self::Poll => "poll",
        }
    }
}

/// The label's value for typing reports.
const TYPING: &str = "typing";
/// The label's value for accounts that changes concern.
const CHANGE: &str = "change";
/// The label's value for stored messages.
const MESSAGE: &str = "message";
/// A longer text in bytes is not kept for a slow socket, which reads it instead.
const MOST_SHOWN: usize = 2048;

/// The accounts whose changes are waited for here, and what is to be signalled to other instances.
pub struct LocalSignals {
    waiting: Arc<Waiting>,
    delivered: DeliveredStamps,
    audience: OnceLock<Arc<dyn MessageAudience>>,
    outbox: Outbox,
    wakes: IntCounterVec,
    shown: IntCounterVec,
    sent: IntCounterVec,
    received: IntCounterVec,
    dropped: IntCounterVec,
}

impl LocalSignals {
    /// Signals of an instance on which none waits.
    ///
    /// # Errors
    /// When a metric's name is invalid.
    pub fn new() -> io::Result<Self> {
        let kinds = [TYPING, CHANGE, MESSAGE];
        let sources = [WakeSource::Commit.name(), WakeSource::Signal.name()];
        let wakes = "Wake-ups of long polls and sockets, by what they came from.";
        let shown = "Stored messages handed to sockets, by what they came from.";
        let sent = "Signals sent to other instances, by kind.";
        let received = "Signals received from other instances, by kind.";
        let dropped = "Signals for which a batch had no room, by kind.";
        Ok(Self {
            waiting: Arc::default(),
            delivered: DeliveredStamps::default(),
            audience: OnceLock::new(),
            outbox: Outbox::new(),
            shown: metrics::counters("hongyan_messages_shown_total", shown, "source", &sources)?,
            wakes: metrics::counters("hongyan_wakeups_total", wakes, "source", &WakeSource::NAMES)?,
            sent: metrics::counters("hongyan_signals_sent_total", sent, "kind", &kinds)?,
            received: metrics::counters("hongyan_signals_received_total", received, "kind", &kinds)?,
            dropped: metrics::counters("hongyan_signals_dropped_total", dropped, "kind", &kinds)?,
        })
    }

    /// A transaction that concerns these accounts is committed here: wakes those who wait, here and on other instances. Costs two
    /// loads if there are none.
    pub(crate) fn committed(&self, concerned: impl IntoIterator<Item = UserId>) {
        let is_wanted = self.outbox.is_wanted();
        if !is_wanted && !self.is_waited_for() {
            return;
        }
        let concerned: Vec<UserId> = concerned.into_iter().collect();
        if is_wanted {
            let left_out = self.outbox.add_accounts(&concerned);
            self.dropped.with_label_values(&[CHANGE]).inc_by(saturating(left_out));
        }
        self.wake(WakeSource::Commit, concerned);
    }

    /// Messages were stored here, in the order of their conversations: wakes those who wait, shows the messages to those who follow a
    /// member, and tells other instances. `message_of` makes a message by its number. Costs two loads if no one waits.
    pub(crate) fn stored(&self, marks: &[MessageMark], message_of: impl Fn(usize) -> Option<StoredMessage>) {
        let is_wanted = self.outbox.is_wanted();
        if marks.is_empty() || (!is_wanted && !self.is_waited_for()) {
            return;
        }
        if is_wanted {
            let left_out = self.outbox.add_messages(marks);
            self.dropped.with_label_values(&[MESSAGE]).inc_by(saturating(left_out));
        }
        if self.is_waited_for() {
            let followed = self.followed(WakeSource::Commit, marks);
            self.show(WakeSource::Commit, &followed, message_of);
            self.delivered.note(marks.iter().copied());
        }
    }

    /// Messages were stored on another instance: wakes the readers. Returns the messages that someone follows.
    pub(crate) fn stored_elsewhere(&self, marks: &[MessageMark]) -> Vec<MessageMark> {
        if !self.is_waited_for() {
            return Vec::new();
        }
        let followed = self.followed(WakeSource::Signal, marks);
        let mut numbers: Vec<usize> = followed.into_iter().map(|(number, _)| number).collect();
        numbers.dedup();
        numbers.into_iter().filter_map(|number| marks.get(number).copied()).collect()
    }

    /// Messages of another instance were read: shows them to those who follow a member, or wakes these where `message_of` has none.
    pub(crate) fn read(&self, marks: &[MessageMark], message_of: impl Fn(usize) -> Option<StoredMessage>) {
        let Followed { members, .. } = self.waiting.followed(marks.iter().map(members), ReaderWake::Leave);
        self.show(WakeSource::Signal, &members, message_of);
        self.delivered.note(marks.iter().copied());
    }

    /// Wakes the readers of both members of each message. Returns the members who are followed, each with the message's number.
    fn followed(&self, source: WakeSource, marks: &[MessageMark]) -> Vec<(usize, UserId)> {
        let Followed { woken, members } = self.waiting.followed(marks.iter().map(members), ReaderWake::Wake);
        self.wakes.with_label_values(&[source.name()]).inc_by(woken);
        members
    }

    fn show(
        &self,
        source: WakeSource,
        followed: &[(usize, UserId)],
        message_of: impl Fn(usize) -> Option<StoredMessage>,
    ) {
        let (mut missed, mut shown) = (Vec::new(), 0);
        for same in followed.chunk_by(|(one, _), (other, _)| one == other) {
            let message =
                same.first().and_then(|(number, _)| message_of(*number)).filter(is_short).map(Arc::new);
            for (_, member) in same {
                let reached = match (&message, self.audience.get()) {
                    (Some(message), Some(audience)) => audience.show_message(*member, message),
                    _ => HandOver { takers: 0, is_complete: false },
                };
                shown += reached.takers;
                if !reached.is_complete {
                    missed.push(*member);
                }
            }
        }
        self.shown.with_label_values(&[source.name()]).inc_by(shown);
        if !missed.is_empty() {
            self.wake(source, missed);
        }
    }

    /// Sets who is shown stored messages; the first one stays.
    pub fn show_to(&self, audience: Arc<dyn MessageAudience>) {
        let _ = self.audience.set(audience);
    }

    /// Wakes those who wait here for changes of these accounts. Costs one load if there are none.
    pub(crate) fn wake(&self, source: WakeSource, concerned: impl IntoIterator<Item = UserId>) {
        if self.is_waited_for() {
            let woken = self.waiting.wake(concerned);
            self.wakes.with_label_values(&[source.name()]).inc_by(woken);
        }
    }

    /// The poll has looked up to this point, and has woken all that its changes concern.
    pub(crate) fn cover(&self, point: ReadPoint) {
        self.waiting.cover(point);
    }

    /// The messages that all who wait here know of.
    pub(crate) const fn delivered(&self) -> &DeliveredStamps {
        &self.delivered
    }

    /// Passes on that a member is writing, if another instance listens.
    pub(crate) fn pass_on(&self, report: Directed) {
        if self.outbox.is_wanted() && !self.outbox.add_typing(report) {
            self.dropped.with_label_values(&[TYPING]).inc();
        }
    }

    /// Whether any change is waited for here.
    pub(crate) fn is_waited_for(&self) -> bool {
        self.waiting.is_any()
    }

    pub(crate) const fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    pub(crate) fn count_sent(&self, contents: &Outgoing) {
        count(&self.sent, contents);
    }

    pub(crate) fn count_received(&self, contents: &Outgoing) {
        count(&self.received, contents);
    }

    /// Metrics of wake-ups and signals.
    #[must_use]
    pub fn collectors(&self) -> Collectors {
        let counters = [&self.wakes, &self.shown, &self.sent, &self.received, &self.dropped];
        counters.map(|counter| Box::new(counter.clone()) as _).into()
    }

    /// The messages that were handed to sockets after something of a source.
    #[cfg(test)]
    pub(crate) fn handed_over(&self, source: WakeSource) -> u64 {
        self.shown.with_label_values(&[source.name()]).get()
    }

    /// The wake-ups from a source.
    #[cfg(test)]
    pub(crate) fn woken(&self, source: WakeSource) -> u64 {
        self.wakes.with_label_values(&[source.name()]).get()
    }

    /// The accounts whose changes are waited for.
    pub(crate) fn waited_for(&self) -> Vec<UserId> {
        self.waiting.accounts()
    }

    pub(crate) fn listen_here(&self, account: UserId) -> LocalListener {
        self.waiting.listen(account, ListenerKind::Reader)
    }

    pub(crate) fn follow_here(&self, account: UserId) -> LocalListener {
        self.waiting.listen(account, ListenerKind::Follower)
    }
}

const fn members(mark: &MessageMark) -> [UserId; 2] {
    [mark.pair.lo(), mark.pair.hi()]
}

fn is_short(message: &StoredMessage) -> bool {
    message.body.text().is_none_or(|text| text.as_str().len() <= MOST_SHOWN)
}

fn count(counters: &IntCounterVec, contents: &Outgoing) {
    counters.with_label_values(&[TYPING]).inc_by(saturating(contents.typing.len()));
    counters.with_label_values(&[CHANGE]).inc_by(saturating(contents.accounts.len()));
    counters.with_label_values(&[MESSAGE]).inc_by(saturating(contents.messages.len()));
}

#[cfg(test)]
pub(crate) mod tests;
