//! Outbox of signals in memory: what waits to be sent to other instances, bounded, and empty while none of them listens.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use domain::conversation::Directed;
use domain::id::UserId;
use domain::number::saturating;
use domain::realtime::MessageMark;
use parking_lot::Mutex;

/// How long after its last batch an instance that listens counts as one.
const LISTENS_FOR: Duration = Duration::from_secs(25);

/// Ids in a batch: 16 bytes each, a third more in base64, within 7,000 bytes.
const ROOM: usize = 320;
/// The room of a message, which is two ids and three numbers, and of a report.
const MESSAGE: usize = 4;
const REPORT: usize = 2;

/// The most batches that are sent at once: some 60,000 messages per second, more than one instance stores.
pub(super) const BATCHES: usize = 16;

/// What is sent at once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Outgoing {
    /// Reports of writers to readers.
    pub(crate) typing: Vec<Directed>,
    /// The accounts that have other changes.
    pub(crate) accounts: Vec<UserId>,
    /// The messages that were stored.
    pub(crate) messages: Vec<MessageMark>,
}

impl Outgoing {
    pub(crate) const fn is_empty(&self) -> bool {
        self.typing.is_empty() && self.accounts.is_empty() && self.messages.is_empty()
    }
}

#[derive(Debug, Default)]
struct Pending {
    typing: Vec<Directed>,
    accounts: HashSet<UserId>,
    messages: VecDeque<MessageMark>,
}

impl Pending {
    /// The room for accounts and messages, in ids.
    fn room(&self) -> usize {
        let taken = self.accounts.len() + self.messages.len() * MESSAGE;
        (ROOM * BATCHES).saturating_sub(taken)
    }
}

/// What waits to be sent.
#[derive(Debug)]
pub(crate) struct Outbox {
    begun: Instant,
    /// Milliseconds after `begun` until which another instance listens; 0 while none was heard.
    wanted_until: AtomicU64,
    pending: Mutex<Pending>,
}

impl Outbox {
    pub(crate) fn new() -> Self {
        Self { begun: Instant::now(), wanted_until: AtomicU64::new(0), pending: Mutex::default() }
    }

    /// Whether another instance listens.
    pub(crate) fn is_wanted(&self) -> bool {
        let until = self.wanted_until.load(Ordering::Relaxed);
        until != 0 && self.now() < until
    }

    /// Another instance listens.
    pub(crate) fn want(&self) {
        let until = self.now().saturating_add(saturating(LISTENS_FOR.as_millis()));
        self.wanted_until.store(until, Ordering::Relaxed);
    }

    /// Nothing can be sent: what waits is dropped.
    pub(crate) fn close(&self) {
        self.wanted_until.store(0, Ordering::Relaxed);
        *self.pending.lock() = Pending::default();
    }

    /// Adds a report. False if there is no room.
    pub(crate) fn add_typing(&self, report: Directed) -> bool {
        let mut pending = self.pending.lock();
        let has_room = pending.typing.len() < ROOM / REPORT;
        if has_room {
            pending.typing.push(report);
        }
        has_room
    }

    /// Adds accounts, each once. Returns for how many there is no room.
    pub(crate) fn add_accounts(&self, accounts: &[UserId]) -> usize {
        let mut pending = self.pending.lock();
        let mut left_out = 0;
        for account in accounts {
            if pending.room() > 0 {
                pending.accounts.insert(*account);
            } else if !pending.accounts.contains(account) {
                left_out += 1;
            }
        }
        drop(pending);
        left_out
    }

    /// Adds messages. Returns for how many there is no room.
    pub(crate) fn add_messages(&self, marks: &[MessageMark]) -> usize {
        let mut pending = self.pending.lock();
        let added = marks.len().min(pending.room() / MESSAGE);
        pending.messages.extend(marks.iter().take(added));
        drop(pending);
        marks.len() - added
    }

    /// Takes one batch: the reports, and as many accounts and then messages as there is room beside them. The others wait for the
    /// next one.
    pub(crate) fn take(&self) -> Outgoing {
        let mut pending = self.pending.lock();
        let typing = std::mem::take(&mut pending.typing);
        let room = ROOM.saturating_sub(typing.len() * REPORT);
        let accounts: Vec<UserId> = pending.accounts.iter().take(room).copied().collect();
        for account in &accounts {
            pending.accounts.remove(account);
        }
        let room = room.saturating_sub(accounts.len()) / MESSAGE;
        let number = room.min(pending.messages.len());
        let messages = pending.messages.drain(..number).collect();
        drop(pending);
        Outgoing { typing, accounts, messages }
    }

    fn now(&self) -> u64 {
        saturating(self.begun.elapsed().as_millis())
    }
}

#[cfg(test)]
mod tests {
    use domain::testing::user;

    use super::*;
    use crate::local_signals::tests::mark;

    fn report(writer: u128) -> Directed {
        Directed::new(user(writer), user(1)).unwrap()
    }

    #[test]
    fn nothing_is_wanted_before_another_instance_listens_and_after_a_close() {
        let outbox = Outbox::new();
        assert!(!outbox.is_wanted());
        outbox.want();
        assert!(outbox.is_wanted());
        assert!(outbox.add_typing(report(2)));
        outbox.close();
        assert!(!outbox.is_wanted() && outbox.take().is_empty());
    }

    #[test]
    fn messages_keep_their_order_and_share_the_room_with_accounts() {
        let outbox = Outbox::new();
        let marks: Vec<_> = (1..2000).map(|seq| mark(1, 2, seq)).collect();
        let accounts: Vec<UserId> = (0..100).map(user).collect();
        assert_eq!(outbox.add_accounts(&accounts), 0);
        assert_eq!(outbox.add_messages(&marks), 1999 - (320 * 16 - 100) / 4);
        assert_eq!(outbox.add_accounts(&[user(500)]), 1, "it is full");
        let first = outbox.take();
        assert_eq!((first.accounts.len(), first.messages.len()), (100, 55));
        let second = outbox.take();
        assert_eq!((second.accounts.len(), second.messages.len()), (0, 80));
        assert_eq!([first.messages, second.messages].concat(), marks[..135]);
    }

    #[test]
    fn a_full_batch_leaves_out_accounts_before_reports() {
        let outbox = Outbox::new();
        let accounts: Vec<UserId> = (0..6000).map(user).collect();
        assert_eq!(outbox.add_accounts(&accounts[..300]), 0);
        assert_eq!(outbox.add_accounts(&accounts[..300]), 0, "each is there once");
        assert_eq!(outbox.add_accounts(&accounts), 6000 - 320 * 16);
        assert_eq!((0..200).filter(|n| outbox.add_typing(report(n + 2))).count(), 160);
        let first = outbox.take();
        assert_eq!((first.typing.len(), first.accounts.len()), (160, 0));
        assert!(outbox.add_typing(report(2)));
        let second = outbox.take();
        assert_eq!((second.typing.len(), second.accounts.len()), (1, 318));
        let rest: Vec<usize> = std::iter::repeat_with(|| outbox.take().accounts.len()).take(17).collect();
        assert_eq!(rest, [vec![320; 15], vec![2, 0]].concat());
    }
}
