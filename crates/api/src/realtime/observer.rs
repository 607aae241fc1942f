//! Observer of deliveries: what metrics know of how changes reach clients.

use std::time::Duration;

/// What reads changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncSource {
    /// A request that is answered at once.
    Plain,
    /// A request that waits for changes.
    LongPoll,
    /// A socket.
    Socket,
}

impl SyncSource {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Plain, Self::LongPoll, Self::Socket];

    /// The name in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::LongPoll => "long_poll",
            Self::Socket => "socket",
        }
    }
}

/// Counts deliveries.
pub trait DeliveryObserver: Send + Sync {
    /// A page of changes is read.
    fn on_sync(&self, source: SyncSource);

    /// A live socket was sent a message, this long after the message was stored, by the database's clock.
    fn on_message(&self, lag: Duration);
}
