//! Wake-ups within an instance: a request that waits for changes of an account wakes when a transaction that concerns it is committed.
//! What other instances need to know waits in the outbox of `signals`.
//!
//! A wake-up is a hint: it may come for nothing, and one that is lost is made up for by the poll of `postgres/sync`.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use domain::conversation::Directed;
use domain::id::UserId;
use domain::number::saturating;
use domain::realtime::{ChangeListener, ChangeSignals, TypingSignals};
use parking_lot::Mutex;
use prometheus::IntCounterVec;
use tokio::sync::watch;

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

/// The accounts whose changes are waited for here, and what is to be signalled to other instances.
#[derive(Debug)]
pub struct LocalSignals {
    waiting: AtomicUsize,
    accounts: Mutex<HashMap<UserId, watch::Sender<()>>>,
    outbox: Outbox,
    wakes: IntCounterVec,
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
        let kinds = [TYPING, CHANGE];
        let wakes = "Wake-ups of long polls and sockets, by what they came from.";
        let sent = "Signals sent to other instances, by kind.";
        let received = "Signals received from other instances, by kind.";
        let dropped = "Signals for which a batch had no room, by kind.";
        Ok(Self {
            waiting: AtomicUsize::new(0),
            accounts: Mutex::default(),
            outbox: Outbox::new(),
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

    /// Wakes those who wait here for changes of these accounts. Costs one load if there are none.
    pub(crate) fn wake(&self, source: WakeSource, concerned: impl IntoIterator<Item = UserId>) {
        if !self.is_waited_for() {
            return;
        }
        let (accounts, mut woken) = (self.accounts.lock(), 0);
        for account in concerned {
            if let Some(sender) = accounts.get(&account) {
                sender.send_replace(());
                woken += 1;
            }
        }
        drop(accounts);
        self.wakes.with_label_values(&[source.name()]).inc_by(woken);
    }

    /// Passes on that a member is writing, if another instance listens.
    pub(crate) fn pass_on(&self, report: Directed) {
        if self.outbox.is_wanted() && !self.outbox.add_typing(report) {
            self.dropped.with_label_values(&[TYPING]).inc();
        }
    }

    /// Whether any change is waited for here.
    pub(crate) fn is_waited_for(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) > 0
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
        let counters = [&self.wakes, &self.sent, &self.received, &self.dropped];
        counters.map(|counter| Box::new(counter.clone()) as _).into()
    }

    /// The wake-ups from a source.
    #[cfg(test)]
    pub(crate) fn woken(&self, source: WakeSource) -> u64 {
        self.wakes.with_label_values(&[source.name()]).get()
    }

    /// The accounts whose changes are waited for.
    pub(crate) fn waited_for(&self) -> Vec<UserId> {
        self.accounts.lock().keys().copied().collect()
    }

    pub(crate) fn listen_here(self: &Arc<Self>, account: UserId) -> LocalListener {
        let receiver = {
            let mut accounts = self.accounts.lock();
            self.waiting.fetch_add(1, Ordering::SeqCst);
            accounts.entry(account).or_insert_with(|| watch::channel(()).0).subscribe()
        };
        LocalListener { signals: Arc::clone(self), account, receiver }
    }
}

fn count(counters: &IntCounterVec, contents: &Outgoing) {
    counters.with_label_values(&[TYPING]).inc_by(saturating(contents.typing.len()));
    counters.with_label_values(&[CHANGE]).inc_by(saturating(contents.accounts.len()));
}

/// A listener of one account.
pub(crate) struct LocalListener {
    signals: Arc<LocalSignals>,
    account: UserId,
    receiver: watch::Receiver<()>,
}

impl Drop for LocalListener {
    fn drop(&mut self) {
        let mut accounts = self.signals.accounts.lock();
        self.signals.waiting.fetch_sub(1, Ordering::SeqCst);
        // This receiver still counts.
        if accounts.get(&self.account).is_some_and(|sender| sender.receiver_count() <= 1) {
            accounts.remove(&self.account);
        }
    }
}

#[async_trait]
impl ChangeListener for LocalListener {
    async fn changed(&mut self) {
        // The sender lives as long as a listener does.
        let _ = self.receiver.changed().await;
    }
}

/// [`ChangeSignals`] and [`TypingSignals`] of one instance.
#[derive(Debug, Clone)]
pub struct InstanceSignals(Arc<LocalSignals>);

impl InstanceSignals {
    /// The signals of the transactions that are committed through one database pool.
    #[must_use]
    pub const fn new(signals: Arc<LocalSignals>) -> Self {
        Self(signals)
    }
}

impl ChangeSignals for InstanceSignals {
    fn listen(&self, account: UserId) -> Box<dyn ChangeListener> {
        Box::new(self.0.listen_here(account))
    }
}

impl TypingSignals for InstanceSignals {
    fn pass_on(&self, report: Directed) {
        self.0.pass_on(report);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use domain::testing::user;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_listener_wakes_for_its_account_only_and_leaves_nothing_behind() {
        let signals = Arc::new(LocalSignals::new().unwrap());
        let mut listener = signals.listen_here(user(1));
        let second = signals.listen_here(user(1));
        let wakes = async |listener: &mut LocalListener| {
            tokio::time::timeout(Duration::from_secs(1), listener.changed()).await.is_ok()
        };
        signals.committed([user(2)]);
        assert!(!wakes(&mut listener).await);
        // A wake-up before the wait is not lost.
        signals.committed([user(2), user(1)]);
        assert!(wakes(&mut listener).await && !wakes(&mut listener).await);
        assert_eq!(signals.waited_for(), [user(1)]);
        drop(listener);
        assert_eq!(signals.waited_for(), [user(1)], "the second one still waits");
        drop(second);
        assert!(signals.waited_for().is_empty());
        assert_eq!(signals.waiting.load(Ordering::SeqCst), 0);
    }
}
