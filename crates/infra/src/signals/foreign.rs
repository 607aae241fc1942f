//! Batched reads of messages that other instances have stored: one statement reads those of a batch whose members have sockets here.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use crossbeam_channel::{Sender, bounded};
use domain::realtime::{MessageMark, StoredMessage};

use crate::db::Db;
use crate::local_signals::{LocalSignals, WakeSource};
use crate::postgres::stored_messages;
use crate::runtime::watched_thread::StallLimits;
use crate::runtime::worker::Worker;

/// Batches that may wait; of more the sockets read for themselves.
const QUEUE: usize = 64;

/// Reads messages of other instances on a thread of its own, in the order in which they were signalled.
pub(super) struct ForeignMessages {
    signals: Arc<LocalSignals>,
    queue: Sender<Vec<MessageMark>>,
}

impl ForeignMessages {
    /// Starts the thread, which reads from `db`. It stops once this value is dropped.
    ///
    /// # Errors
    /// When the system cannot start another thread.
    pub(super) fn start(db: &Db) -> io::Result<Self> {
        let worker = db.watched_worker("foreign-messages", StallLimits::REQUESTS)?;
        let connections = db.connections();
        Self::reading(&worker, Arc::clone(db.signals()), move |marks| {
            let messages = connections.with(&|connection| stored_messages(connection, marks));
            messages.unwrap_or_else(|error| {
                tracing::debug!(%error, "cannot read messages of other instances; the sockets read them");
                HashMap::new()
            })
        })
    }

    /// As [`Self::start`], where `read` finds messages by their numbers.
    pub(super) fn reading(
        worker: &Worker,
        signals: Arc<LocalSignals>,
        read: impl Fn(&[MessageMark]) -> HashMap<usize, StoredMessage> + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let (queue, received) = bounded::<Vec<MessageMark>>(QUEUE);
        let shown = Arc::clone(&signals);
        let handle = move |marks: Vec<MessageMark>| {
            let messages = read(&marks);
            shown.read(&marks, |number| messages.get(&number).cloned());
        };
        worker.consume(0, || (), move || received.recv().ok(), handle)?;
        Ok(Self { signals, queue })
    }

    /// Shows these messages to those who follow their members here.
    pub(super) fn show(&self, marks: &[MessageMark]) {
        let followed = self.signals.stored_elsewhere(marks);
        if followed.is_empty() {
            return;
        }
        if let Err(full) = self.queue.try_send(followed) {
            let members = full.into_inner().into_iter().flat_map(|mark| [mark.pair.lo(), mark.pair.hi()]);
            self.signals.wake(WakeSource::Signal, members);
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::testing::user;

    use super::*;
    use crate::local_signals::tests::mark;

    #[test]
    fn of_batches_for_which_there_is_no_room_the_sockets_read() {
        let signals = Arc::new(LocalSignals::new().unwrap());
        let _follower = signals.follow_here(user(1));
        let (release, held) = bounded::<()>(0);
        let read = move |_: &[MessageMark]| {
            let _ = held.recv();
            HashMap::new()
        };
        let worker = Worker::new("foreign-test").unwrap();
        let messages = ForeignMessages::reading(&worker, Arc::clone(&signals), read).unwrap();
        for _ in 0..QUEUE {
            messages.show(&[mark(1, 2, 1)]);
        }
        let woken_before = signals.woken(WakeSource::Signal);
        // One of those before may be in the reader's hands.
        for _ in 0..2 {
            messages.show(&[mark(1, 2, 2)]);
        }
        let woken = signals.woken(WakeSource::Signal);
        drop(release);
        assert_eq!(woken_before, 0);
        assert!(woken > 0);
    }
}
