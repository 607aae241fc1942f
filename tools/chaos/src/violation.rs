//! What must not be.

use std::fmt;
use std::sync::{Mutex, PoisonError};

/// Which rule was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rule {
    /// An acknowledged message is not there.
    Lost,
    /// A message is there more than once.
    Doubled,
    /// A text is not the one that was sent.
    Altered,
    /// Something is stored that nobody can have sent.
    Invented,
    /// `seq` is not 1, 2, 3… or does not end at `last_seq`.
    Gap,
    /// A send that began after another had ended stands before it.
    Order,
    /// One key, two message ids.
    Key,
    /// A message was stored while the two were no friends.
    Friendship,
    /// Whoever follows by `?after=` missed or repeated something.
    Followed,
    /// A member does not see what it should, or sees what it should not.
    Visible,
    /// `unread_count` is not what a recomputation gives.
    Unread,
    /// `last_message` is not the newest visible one.
    Preview,
    /// The read position is not where it was put.
    ReadPosition,
    /// A call was refused that must not be.
    Refused,
    /// A call got no answer, or a 5xx, though nothing was broken.
    Unanswered,
    /// A request that had been sent before SIGTERM was not answered, or the server did not exit in order.
    GracefulStop,
    /// The server did not recover by itself in time.
    Recovery,
}

/// A broken rule, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) rule: Rule,
    pub(crate) detail: String,
}

impl Violation {
    pub(crate) fn new(rule: Rule, detail: impl Into<String>) -> Self {
        Self { rule, detail: detail.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.rule, self.detail)
    }
}

/// What many threads complain of.
#[derive(Debug, Default)]
pub(crate) struct Complaints(Mutex<Vec<Violation>>);

impl Complaints {
    pub(crate) fn add(&self, rule: Rule, detail: impl Into<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Violation::new(rule, detail));
    }

    pub(crate) fn take(&self) -> Vec<Violation> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn are_many(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len() > 100
    }
}
