//! A memory bound: the bytes that wait for clients that do not read.
//!
//! An answer whose client takes nothing stays in the server's memory until the client loses its connection. The bytes of all
//! such answers are counted, in all and per account. Only connections that stand still are counted, so the lock is off the path
//! of every other answer.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use domain::id::UserId;
use parking_lot::Mutex;

/// The limits for clients that do not read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UnreadLimits {
    /// How long a client may take nothing.
    pub(crate) patience: Duration,
    /// As `patience`, while more than half of `in_all` waits: then clients that read slowly must not suffer from those that do not
    /// read at all.
    pub(crate) patience_when_crowded: Duration,
    /// Most bytes that may wait for one account.
    pub(crate) per_account: usize,
    /// Most bytes that may wait in all.
    pub(crate) in_all: usize,
}

impl UnreadLimits {
    pub(crate) const SERVER: Self = Self {
        patience: Duration::from_secs(30),
        patience_when_crowded: Duration::from_secs(3),
        per_account: 8 << 20,
        in_all: 64 << 20,
    };
}

/// The counted bytes of an instance.
#[derive(Debug)]
pub(super) struct UnreadBytes {
    pub(super) limits: UnreadLimits,
    counted: Mutex<UnreadTotals>,
}

#[derive(Debug, Default)]
struct UnreadTotals {
    in_all: usize,
    accounts: HashMap<UserId, usize>,
}

impl UnreadBytes {
    pub(super) fn new(limits: UnreadLimits) -> Arc<Self> {
        Arc::new(Self { limits, counted: Mutex::default() })
    }

    /// Counts the bytes of a connection that stands still. `None` if they would exceed a limit.
    pub(super) fn count(self: &Arc<Self>, account: Option<UserId>, bytes: usize) -> Option<UnreadShare> {
        let mut counted = self.counted.lock();
        let of_account =
            account.and_then(|account| counted.accounts.get(&account)).copied().unwrap_or_default();
        if counted.in_all + bytes > self.limits.in_all
            || (account.is_some() && of_account + bytes > self.limits.per_account)
        {
            return None;
        }
        counted.in_all += bytes;
        if let Some(account) = account {
            counted.accounts.insert(account, of_account + bytes);
        }
        Some(UnreadShare { unread: Arc::clone(self), account, bytes })
    }

    /// How long a client may take nothing at present.
    pub(super) fn patience(&self) -> Duration {
        let is_crowded = self.counted.lock().in_all > self.limits.in_all / 2;
        if is_crowded { self.limits.patience_when_crowded } else { self.limits.patience }
    }
}

/// The counted bytes of one connection; dropped when the client reads on or is gone.
#[derive(Debug)]
pub(super) struct UnreadShare {
    unread: Arc<UnreadBytes>,
    account: Option<UserId>,
    bytes: usize,
}

impl Drop for UnreadShare {
    fn drop(&mut self) {
        let mut counted = self.unread.counted.lock();
        counted.in_all = counted.in_all.saturating_sub(self.bytes);
        let Some(account) = self.account else { return };
        let left = counted.accounts.get(&account).map_or(0, |bytes| bytes.saturating_sub(self.bytes));
        if left == 0 {
            counted.accounts.remove(&account);
        } else {
            counted.accounts.insert(account, left);
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::testing::user;

    use super::*;

    fn unread() -> Arc<UnreadBytes> {
        UnreadBytes::new(UnreadLimits { per_account: 10, in_all: 40, ..UnreadLimits::SERVER })
    }

    #[test]
    fn bytes_are_bounded_per_account_and_released() {
        let unread = unread();
        let first = unread.count(Some(user(1)), 6).unwrap();
        let second = unread.count(Some(user(1)), 4).unwrap();
        assert!(unread.count(Some(user(1)), 1).is_none(), "the account has its share");
        assert!(unread.count(Some(user(2)), 10).is_some() && unread.count(None, 11).is_some());
        drop(first);
        assert!(unread.count(Some(user(1)), 6).is_some());
        drop(second);
        let counted = unread.counted.lock();
        assert!(counted.in_all == 0 && counted.accounts.is_empty(), "{counted:?}");
    }

    #[test]
    fn bytes_are_bounded_in_all_and_patience_is_short_when_they_are_many() {
        let unread = unread();
        let shares: Vec<_> = (1..=2).map(|number| unread.count(Some(user(number)), 10).unwrap()).collect();
        assert_eq!(unread.patience(), unread.limits.patience);
        let more: Vec<_> = (3..=4).map(|number| unread.count(Some(user(number)), 10).unwrap()).collect();
        assert_eq!(unread.patience(), unread.limits.patience_when_crowded);
        assert!(unread.count(Some(user(5)), 1).is_none() && unread.count(None, 1).is_none());
        drop((shares, more));
        assert_eq!(unread.patience(), unread.limits.patience);
        assert!(unread.count(None, 40).is_some());
    }
}
