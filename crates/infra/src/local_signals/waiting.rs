//! Registry of listeners, by account: readers, which any change wakes, and followers, which are shown stored messages and
//! are woken by all else.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use domain::id::UserId;
use domain::realtime::{ChangeListener, ReadPoint};
use parking_lot::Mutex;
use tokio::sync::watch;

/// What a listener is woken by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ListenerKind {
    /// Any change.
    Reader,
    /// Any change but messages that it is shown.
    Follower,
}

/// The wake-ups of one account. Each is there while someone waits for it.
#[derive(Debug, Default)]
struct Wakes {
    readers: Option<watch::Sender<()>>,
    followers: Option<watch::Sender<()>>,
}

impl Wakes {
    const fn of(&mut self, kind: ListenerKind) -> &mut Option<watch::Sender<()>> {
        match kind {
            ListenerKind::Reader => &mut self.readers,
            ListenerKind::Follower => &mut self.followers,
        }
    }
}

/// Whether a message wakes the readers of its members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReaderWake {
    /// It does.
    Wake,
    /// They were woken before.
    Leave,
}

/// How many were woken, and who is to be shown a message.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Followed {
    pub(super) woken: u64,
    /// The numbers of the messages, each with a member who is followed.
    pub(super) members: Vec<(usize, UserId)>,
}

/// The listeners of an instance.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    listeners: AtomicUsize,
    accounts: Mutex<HashMap<UserId, Wakes>>,
    covered: Mutex<Option<ReadPoint>>,
}

impl Waiting {
    /// The poll has looked up to this point, and has woken all that its changes concern.
    pub(super) fn cover(&self, point: ReadPoint) {
        *self.covered.lock() = Some(point);
    }

    /// Whether anyone waits.
    pub(super) fn is_any(&self) -> bool {
        self.listeners.load(Ordering::SeqCst) > 0
    }

    /// The accounts that are waited for.
    pub(super) fn accounts(&self) -> Vec<UserId> {
        self.accounts.lock().keys().copied().collect()
    }

    /// Wakes all who wait for these accounts. Returns how many accounts that were.
    pub(super) fn wake(&self, concerned: impl IntoIterator<Item = UserId>) -> u64 {
        let (accounts, mut woken) = (self.accounts.lock(), 0);
        for wakes in concerned.into_iter().filter_map(|account| accounts.get(&account)) {
            for sender in [&wakes.readers, &wakes.followers].into_iter().flatten() {
                sender.send_replace(());
            }
            woken += 1;
        }
        drop(accounts);
        woken
    }

    /// Finds out which of both members of each message are followed, and wakes their readers.
    pub(super) fn followed(
        &self,
        members: impl IntoIterator<Item = [UserId; 2]>,
        wake: ReaderWake,
    ) -> Followed {
        let (accounts, mut found) = (self.accounts.lock(), Followed::default());
        for (number, members) in members.into_iter().enumerate() {
            for member in members {
                let Some(wakes) = accounts.get(&member) else { continue };
                if let Some(readers) = wakes.readers.as_ref().filter(|_| wake == ReaderWake::Wake) {
                    readers.send_replace(());
                    found.woken += 1;
                }
                if wakes.followers.is_some() {
                    found.members.push((number, member));
                }
            }
        }
        drop(accounts);
        found
    }

    pub(super) fn listen(self: &Arc<Self>, account: UserId, kind: ListenerKind) -> LocalListener {
        let receiver = {
            let mut accounts = self.accounts.lock();
            self.listeners.fetch_add(1, Ordering::SeqCst);
            let wakes = accounts.entry(account).or_default().of(kind);
            wakes.get_or_insert_with(|| watch::channel(()).0).subscribe()
        };
        LocalListener { waiting: Arc::clone(self), account, kind, receiver }
    }
}

/// A listener of one account.
pub(crate) struct LocalListener {
    waiting: Arc<Waiting>,
    account: UserId,
    kind: ListenerKind,
    receiver: watch::Receiver<()>,
}

impl Drop for LocalListener {
    fn drop(&mut self) {
        let mut accounts = self.waiting.accounts.lock();
        self.waiting.listeners.fetch_sub(1, Ordering::SeqCst);
        let Some(wakes) = accounts.get_mut(&self.account) else { return };
        let sender = wakes.of(self.kind);
        // This receiver still counts.
        if sender.as_ref().is_some_and(|sender| sender.receiver_count() <= 1) {
            *sender = None;
        }
        if wakes.readers.is_none() && wakes.followers.is_none() {
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

    fn covered(&self) -> Option<ReadPoint> {
        // Read before the wake-up, which comes before the point.
        let covered = self.waiting.covered.lock().clone();
        covered.filter(|_| self.receiver.has_changed().is_ok_and(|has_changed| !has_changed))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use domain::testing::user;

    use super::*;

    async fn wakes(listener: &mut LocalListener) -> bool {
        tokio::time::timeout(Duration::from_secs(1), listener.changed()).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn a_listener_wakes_for_its_account_only_and_leaves_nothing_behind() {
        let waiting = Arc::<Waiting>::default();
        let mut listener = waiting.listen(user(1), ListenerKind::Reader);
        let second = waiting.listen(user(1), ListenerKind::Follower);
        assert_eq!(waiting.wake([user(2)]), 0);
        assert!(!wakes(&mut listener).await);
        // A wake-up before the wait is not lost.
        assert_eq!(waiting.wake([user(2), user(1)]), 1);
        assert!(wakes(&mut listener).await && !wakes(&mut listener).await);
        assert_eq!(waiting.accounts(), [user(1)]);
        drop(listener);
        assert_eq!(waiting.accounts(), [user(1)], "the second one still waits");
        drop(second);
        assert!(waiting.accounts().is_empty() && !waiting.is_any());
    }

    #[tokio::test]
    async fn a_point_is_covered_unless_a_wait_would_end() {
        let waiting = Arc::<Waiting>::default();
        let mut listener = waiting.listen(user(1), ListenerKind::Follower);
        assert_eq!(listener.covered(), None);
        let point = ReadPoint::of_snapshot(uuid::Uuid::from_u128(5), 9, vec![7]);
        waiting.cover(point.clone());
        assert_eq!(listener.covered(), Some(point.clone()));
        waiting.wake([user(1)]);
        assert_eq!(listener.covered(), None);
        listener.changed().await;
        assert_eq!(listener.covered(), Some(point));
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_wakes_readers_and_is_to_be_shown_to_followers() {
        let waiting = Arc::<Waiting>::default();
        let mut reader = waiting.listen(user(1), ListenerKind::Reader);
        let mut followers = [1, 2].map(|number| waiting.listen(user(number), ListenerKind::Follower));
        let found = waiting.followed([[user(3), user(4)], [user(1), user(2)]], ReaderWake::Wake);
        assert_eq!(found, Followed { woken: 1, members: vec![(1, user(1)), (1, user(2))] });
        assert!(wakes(&mut reader).await);
        for follower in &mut followers {
            assert!(!wakes(follower).await);
        }
        assert_eq!(waiting.wake([user(1)]), 1);
        let [first, second] = &mut followers;
        assert!(wakes(first).await && wakes(&mut reader).await && !wakes(second).await);
    }
}
