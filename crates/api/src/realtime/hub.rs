//! Connection registry: the sockets of this instance, by account, their limits and their figures.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use domain::auth::Caller;
use domain::id::{ConversationId, SessionId, UserId};
use domain::login_throttle::ClientAddress;
use domain::realtime::StoredMessage;
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc};

use super::farewell::Farewell;
use super::observer::{DeliveryObserver, SyncSource};

/// Limits of sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SocketLimits {
    /// The most sockets of this instance.
    pub most: usize,
    /// The most sockets of an account.
    pub per_account: usize,
    /// Time between two ticks.
    pub heartbeat: Duration,
}

impl Default for SocketLimits {
    fn default() -> Self {
        Self { most: 10_000, per_account: 16, heartbeat: Duration::from_secs(25) }
    }
}

/// What the hub tells a socket.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum HubNote {
    /// A newer socket took its place.
    Replaced,
    /// A friend is writing.
    Typing { conversation: ConversationId, writer: UserId },
    /// A message was stored.
    Stored(Arc<StoredMessage>),
}

/// The notes to a socket that may wait. More are dropped: those who are writing will say so again, and messages are read.
const NOTES: usize = 32;

pub(super) struct Member {
    number: u64,
    pub(super) session: SessionId,
    pub(super) notes: mpsc::Sender<HubNote>,
    pub(super) ended: Arc<Notify>,
}

#[derive(Default)]
pub(super) struct Registry {
    pub(super) accounts: HashMap<UserId, Vec<Member>>,
    /// Sockets that have not authenticated yet, by address.
    strangers: HashMap<ClientAddress, usize>,
    /// When an account last said that it is writing in a conversation.
    typing: HashMap<(UserId, ConversationId), Instant>,
}

/// The sockets of an instance.
pub struct SocketHub {
    limits: SocketLimits,
    pub(super) registry: Mutex<Registry>,
    numbers: AtomicU64,
    open: AtomicUsize,
    sent: AtomicU64,
    received: AtomicU64,
    closed: [AtomicU64; Farewell::ALL.len()],
    observer: OnceLock<Arc<dyn DeliveryObserver>>,
}

impl Default for SocketHub {
    fn default() -> Self {
        Self::new(SocketLimits::default())
    }
}

impl SocketHub {
    /// The most sockets of one address that have not authenticated yet.
    const STRANGERS: usize = 64;
    /// The shortest time between two reports that an account is writing in a conversation.
    const TYPING_PAUSE: Duration = Duration::from_secs(3);
    /// The most reports that are remembered.
    const TYPING_KEPT: usize = 100_000;

    /// A hub without sockets.
    #[must_use]
    pub fn new(limits: SocketLimits) -> Self {
        Self {
            limits,
            registry: Mutex::default(),
            numbers: AtomicU64::new(0),
            open: AtomicUsize::new(0),
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
            closed: std::array::from_fn(|_| AtomicU64::new(0)),
            observer: OnceLock::new(),
        }
    }

    /// The limits of sockets.
    #[must_use]
    pub const fn limits(&self) -> SocketLimits {
        self.limits
    }

    /// The sockets that are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// The frames that were sent and received.
    #[must_use]
    pub fn frames(&self) -> (u64, u64) {
        (self.sent.load(Ordering::Relaxed), self.received.load(Ordering::Relaxed))
    }

    /// The sockets that have ended for this reason.
    #[must_use]
    pub fn closed(&self, farewell: Farewell) -> u64 {
        let place = Farewell::ALL.iter().position(|known| *known == farewell);
        place.and_then(|place| self.closed.get(place)).map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// Sets what counts deliveries; the first one stays.
    pub fn observe(&self, observer: Arc<dyn DeliveryObserver>) {
        let _ = self.observer.set(observer);
    }

    pub(crate) fn count_sync(&self, source: SyncSource) {
        if let Some(observer) = self.observer.get() {
            observer.on_sync(source);
        }
    }

    pub(super) fn count_message(&self, lag: Duration) {
        if let Some(observer) = self.observer.get() {
            observer.on_message(lag);
        }
    }

    pub(super) fn count_sent(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_received(&self) {
        self.received.fetch_add(1, Ordering::Relaxed);
    }

    /// A place for another socket; `None` if there is none, for all or for strangers of this address.
    pub(super) fn admit(self: &Arc<Self>, address: Option<ClientAddress>) -> Option<SocketPlace> {
        let most = self.limits.most;
        let grow = |open: usize| (open < most).then_some(open + 1);
        self.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, grow).ok()?;
        let mut place =
            SocketPlace { hub: Arc::clone(self), address: None, member: None, ended: Arc::default() };
        if let Some(address) = address {
            let mut registry = self.registry.lock();
            let strangers = registry.strangers.entry(address).or_default();
            if *strangers >= Self::STRANGERS {
                drop(registry);
                return None;
            }
            *strangers += 1;
            drop(registry);
            place.address = Some(address);
        }
        Some(place)
    }

    /// Whether an account may say now that it is writing in a conversation.
    pub(crate) fn may_type(&self, writer: UserId, conversation: ConversationId) -> bool {
        let now = Instant::now();
        let mut registry = self.registry.lock();
        let is_recent = |at: &Instant| now.duration_since(*at) < Self::TYPING_PAUSE;
        if registry.typing.get(&(writer, conversation)).is_some_and(is_recent) {
            return false;
        }
        if registry.typing.len() >= Self::TYPING_KEPT {
            registry.typing.retain(|_, at| is_recent(at));
        }
        if registry.typing.len() >= Self::TYPING_KEPT {
            return false;
        }
        registry.typing.insert((writer, conversation), now);
        true
    }

    /// Tells the sockets of an account that a friend is writing.
    pub fn tell_typing(&self, reader: UserId, conversation: ConversationId, writer: UserId) {
        let registry = self.registry.lock();
        for member in registry.accounts.get(&reader).into_iter().flatten() {
            let _ = member.notes.try_send(HubNote::Typing { conversation, writer });
        }
    }

    pub(super) fn is_connected(&self, account: UserId) -> bool {
        self.registry.lock().accounts.contains_key(&account)
    }

    fn end(&self, farewell: Farewell) {
        let place = Farewell::ALL.iter().position(|known| *known == farewell);
        if let Some(count) = place.and_then(|place| self.closed.get(place)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Registry {
    fn leave(&mut self, address: ClientAddress) {
        if let Some(strangers) = self.strangers.get_mut(&address) {
            *strangers = strangers.saturating_sub(1);
            if *strangers == 0 {
                self.strangers.remove(&address);
            }
        }
    }
}

/// The place of one socket, given back when this is dropped.
pub(super) struct SocketPlace {
    hub: Arc<SocketHub>,
    address: Option<ClientAddress>,
    member: Option<(UserId, u64)>,
    /// The session has ended.
    ended: Arc<Notify>,
}

impl SocketPlace {
    /// Enters the socket among those of its account. With one too many the oldest of the same session leaves, else the oldest.
    pub(super) fn join(&mut self, caller: Caller) -> mpsc::Receiver<HubNote> {
        let (notes, received) = mpsc::channel(NOTES);
        let number = self.hub.numbers.fetch_add(1, Ordering::Relaxed);
        let mut registry = self.hub.registry.lock();
        if let Some(address) = self.address.take() {
            registry.leave(address);
        }
        let members = registry.accounts.entry(caller.user_id).or_default();
        if members.len() >= self.hub.limits.per_account.max(1) {
            let same_session = members.iter().position(|member| member.session == caller.session_id);
            let oldest = members.remove(same_session.unwrap_or(0));
            // One that is full of notes sees that its sender is gone.
            let _ = oldest.notes.try_send(HubNote::Replaced);
        }
        let (session, ended) = (caller.session_id, Arc::clone(&self.ended));
        members.push(Member { number, session, notes, ended });
        drop(registry);
        self.member = Some((caller.user_id, number));
        received
    }

    /// Notified when the session has ended after [`Self::join`].
    pub(super) fn session_end(&self) -> Arc<Notify> {
        Arc::clone(&self.ended)
    }

    /// Notes why the socket ends.
    pub(super) fn end(self, farewell: Farewell) {
        self.hub.end(farewell);
    }
}

impl Drop for SocketPlace {
    fn drop(&mut self) {
        self.hub.open.fetch_sub(1, Ordering::Relaxed);
        let mut registry = self.hub.registry.lock();
        if let Some(address) = self.address.take() {
            registry.leave(address);
        }
        if let Some((account, number)) = self.member
            && let Some(members) = registry.accounts.get_mut(&account)
        {
            members.retain(|member| member.number != number);
            if members.is_empty() {
                registry.accounts.remove(&account);
            }
        }
    }
}

#[cfg(test)]
#[path = "hub_tests.rs"]
mod tests;
