//! The rules that a run must not break.

use std::fmt;

use parking_lot::Mutex;

/// A rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ViolatedRule {
    /// An acknowledged message is missing.
    Lost,
    /// A message is stored more than once.
    Doubled,
    /// A text differs from the one that was sent.
    Altered,
    /// A stored message was never sent.
    Invented,
    /// `seq` is not 1, 2, 3… or does not end at `last_seq`.
    Gap,
    /// A send that began after another had ended has a smaller `seq`.
    Order,
    /// One idempotency key has two message ids.
    Key,
    /// A message was stored while the two were not friends.
    Friendship,
    /// A client that polls with `?after=` missed a message or got one twice.
    Followed,
    /// A member does not see a message that it should see, or sees one that it should not.
    Visible,
    /// `unread_count` is not what a recomputation gives.
    Unread,
    /// `last_message` is not the newest visible one.
    Preview,
    /// The read position differs from the one that was set.
    ReadPosition,
    /// A call was refused that must not be refused.
    Refused,
    /// A call got no response, or a 5xx, though nothing was broken.
    Unanswered,
    /// A request sent before SIGTERM got no response, or the server did not exit with success.
    GracefulStop,
    /// The server did not recover by itself in time.
    Recovery,
    /// An answer was a 5xx other than a 503 with `Retry-After`.
    ServerError,
    /// `/readyz` was not what the state of the database demands.
    Readiness,
    /// At rest, a device holds another state than a fresh one.
    Missed,
    /// A device got something of others.
    Leaked,
    /// Frames of a conversation came in another order than their changes.
    FrameOrder,
    /// A text came after its recall.
    TextAfterRecall,
    /// A socket went on after its session had ended.
    AfterEnd,
}

/// A broken rule and where it was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) rule: ViolatedRule,
    pub(crate) detail: String,
}

impl Violation {
    pub(crate) fn new(rule: ViolatedRule, detail: impl Into<String>) -> Self {
        Self { rule, detail: detail.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.rule, self.detail)
    }
}

/// The violations that all threads report.
#[derive(Debug, Default)]
pub(crate) struct ViolationLog(Mutex<Vec<Violation>>);

impl ViolationLog {
    pub(crate) fn add(&self, rule: ViolatedRule, detail: impl Into<String>) {
        self.0.lock().push(Violation::new(rule, detail));
    }

    pub(crate) fn take(&self) -> Vec<Violation> {
        std::mem::take(&mut self.0.lock())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().is_empty()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.0.lock().len() > 100
    }
}
