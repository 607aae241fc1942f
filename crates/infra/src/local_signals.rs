//! Wake-ups within an instance: a request that waits for changes of an account wakes when a transaction that concerns it is committed.
//!
//! A wake-up is a hint: it may come for nothing, and one that is lost is made up for by the poll of `postgres/sync`.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use domain::id::UserId;
use domain::realtime::{ChangeListener, ChangeSignals};
use parking_lot::Mutex;
use tokio::sync::watch;

/// The accounts whose changes are waited for here.
#[derive(Debug, Default)]
pub struct LocalSignals {
    waiting: AtomicUsize,
    accounts: Mutex<HashMap<UserId, watch::Sender<()>>>,
}

impl LocalSignals {
    /// Wakes those who wait for changes of these accounts. Costs one load if there are none.
    pub(crate) fn wake(&self, concerned: impl IntoIterator<Item = UserId>) {
        if self.waiting.load(Ordering::SeqCst) == 0 {
            return;
        }
        let accounts = self.accounts.lock();
        for account in concerned {
            if let Some(sender) = accounts.get(&account) {
                sender.send_replace(());
            }
        }
    }

    /// The accounts whose changes are waited for.
    pub(crate) fn waited_for(&self) -> Vec<UserId> {
        self.accounts.lock().keys().copied().collect()
    }

    fn listen_here(self: &Arc<Self>, account: UserId) -> LocalListener {
        let receiver = {
            let mut accounts = self.accounts.lock();
            self.waiting.fetch_add(1, Ordering::SeqCst);
            accounts.entry(account).or_insert_with(|| watch::channel(()).0).subscribe()
        };
        LocalListener { signals: Arc::clone(self), account, receiver }
    }
}

/// A listener of one account.
struct LocalListener {
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

/// [`ChangeSignals`] of one instance.
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use domain::testing::user;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_listener_wakes_for_its_account_only_and_leaves_nothing_behind() {
        let signals = Arc::new(LocalSignals::default());
        let mut listener = signals.listen_here(user(1));
        let second = signals.listen_here(user(1));
        let wakes = async |listener: &mut LocalListener| {
            tokio::time::timeout(Duration::from_secs(1), listener.changed()).await.is_ok()
        };
        signals.wake([user(2)]);
        assert!(!wakes(&mut listener).await);
        // A wake-up before the wait is not lost.
        signals.wake([user(2), user(1)]);
        assert!(wakes(&mut listener).await && !wakes(&mut listener).await);
        assert_eq!(signals.waited_for(), [user(1)]);
        drop(listener);
        assert_eq!(signals.waited_for(), [user(1)], "the second one still waits");
        drop(second);
        assert!(signals.waited_for().is_empty());
        assert_eq!(signals.waiting.load(Ordering::SeqCst), 0);
    }
}
