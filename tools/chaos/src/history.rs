//! What every user did and which responses came back: the checker's only evidence beside the API.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::slow_calls::SlowCall;

/// The harness's monotonic clock, in nanoseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RunClock(Instant);

impl RunClock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now(self) -> u64 {
        u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// From before the first attempt to after the last response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interval {
    pub(crate) begun: u64,
    pub(crate) ended: u64,
}

/// What is known about a send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SendStatus {
    /// A 200 was read, with this message id (its fingerprint).
    Acknowledged(u64),
    /// The server refused it, and no earlier attempt was left unanswered.
    Refused,
    /// No response, or a 5xx: it may or may not be stored.
    Unknown,
}

/// One send with all its attempts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SendOperation {
    /// Index of the friend pair.
    pub(crate) pair: usize,
    pub(crate) keyed: bool,
    pub(crate) span: Interval,
    pub(crate) outcome: SendStatus,
}

/// What one user did in one conversation beside sending. It holds answered calls only: every call except a send without
/// a key is retried until it is answered.
#[derive(Debug, Clone, Default)]
pub(crate) struct MemberActions {
    /// The highest `seq` that was marked as read.
    pub(crate) read: i64,
    /// The `seq`s that the user deleted for itself.
    pub(crate) deleted: BTreeSet<i64>,
    /// The user's own sends that it recalled.
    pub(crate) recalled: BTreeSet<usize>,
    /// The last `seq` read with `?after=`.
    pub(crate) followed: i64,
    /// When the user ended the friendship.
    pub(crate) unfriendings: Vec<Interval>,
    /// When the friendship was restored.
    pub(crate) refriendings: Vec<Interval>,
}

impl MemberActions {
    pub(crate) const fn are_friends(&self) -> bool {
        self.unfriendings.len() == self.refriendings.len()
    }

    /// The intervals in which the two were certainly not friends.
    pub(crate) fn apart(&self) -> impl Iterator<Item = Interval> {
        let ends =
            self.refriendings.iter().map(|refriending| refriending.begun).chain(std::iter::once(u64::MAX));
        self.unfriendings
            .iter()
            .zip(ends)
            .map(|(unfriending, begun)| Interval { begun: unfriending.ended, ended: begun })
    }
}

/// Number of calls by result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct CallCounts {
    pub(crate) ok: u64,
    pub(crate) refused: u64,
    pub(crate) unknown: u64,
    /// Those of the unknown that timed out.
    pub(crate) timed_out: u64,
    /// Those of the unknown that were answered with a 5xx other than a 503 with `Retry-After`.
    pub(crate) server_errors: u64,
    /// The longest time that a response took.
    pub(crate) slowest: Duration,
}

impl CallCounts {
    pub(crate) const fn plus(self, other: Self) -> Self {
        Self {
            ok: self.ok + other.ok,
            refused: self.refused + other.refused,
            unknown: self.unknown + other.unknown,
            timed_out: self.timed_out + other.timed_out,
            server_errors: self.server_errors + other.server_errors,
            slowest: if self.slowest.as_nanos() > other.slowest.as_nanos() {
                self.slowest
            } else {
                other.slowest
            },
        }
    }

    pub(crate) const fn all(self) -> u64 {
        self.ok + self.refused + self.unknown
    }
}

/// Everything that one user did.
#[derive(Debug, Clone, Default)]
pub(crate) struct UserHistory {
    pub(crate) sends: Vec<SendOperation>,
    /// Actions by friend pair.
    pub(crate) sides: std::collections::BTreeMap<usize, MemberActions>,
    pub(crate) tally: CallCounts,
    pub(crate) slow_calls: Vec<SlowCall>,
}

impl UserHistory {
    pub(crate) fn acknowledged(&self) -> usize {
        self.sends.iter().filter(|send| matches!(send.outcome, SendStatus::Acknowledged(_))).count()
    }
}
