//! What everybody did and what was answered: the checker's only evidence beside the API.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// The harness' own time in nanoseconds; it never runs back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now(self) -> u64 {
        u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// From before the first try to after the last answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) begun: u64,
    pub(crate) ended: u64,
}

/// What is known of a send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A 200 was read, with this message id (its fingerprint).
    Acknowledged(u64),
    /// The server said no, and no try before that was left without an answer.
    Refused,
    /// Nobody knows: no answer, or a 5xx.
    Unknown,
}

/// One send, with all its tries.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sending {
    /// Which of the pairs it belongs to.
    pub(crate) pair: usize,
    pub(crate) keyed: bool,
    pub(crate) span: Span,
    pub(crate) outcome: Outcome,
}

/// What one person did in one conversation beside sending. Only what was answered is here: everything but a send without
/// a key is tried until it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Side {
    /// The highest place that was marked as read.
    pub(crate) read: i64,
    /// The places deleted for oneself.
    pub(crate) deleted: BTreeSet<i64>,
    /// The own sends that were recalled.
    pub(crate) recalled: BTreeSet<usize>,
    /// How far the person followed by `?after=`.
    pub(crate) followed: i64,
    /// When the person ended the friendship.
    pub(crate) partings: Vec<Span>,
    /// When it was made again.
    pub(crate) reunions: Vec<Span>,
}

impl Side {
    pub(crate) const fn are_friends(&self) -> bool {
        self.partings.len() == self.reunions.len()
    }

    /// The times at which the two certainly were no friends.
    pub(crate) fn apart(&self) -> impl Iterator<Item = Span> {
        let ends = self.reunions.iter().map(|reunion| reunion.begun).chain(std::iter::once(u64::MAX));
        self.partings.iter().zip(ends).map(|(parting, begun)| Span { begun: parting.ended, ended: begun })
    }
}

/// How many operations there were, and what came of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) ok: u64,
    pub(crate) refused: u64,
    pub(crate) unknown: u64,
    /// Those of the unknown that ran out of time.
    pub(crate) timed_out: u64,
    /// The longest that anybody waited for an answer.
    pub(crate) slowest: Duration,
}

impl Tally {
    pub(crate) const fn plus(self, other: Self) -> Self {
        Self {
            ok: self.ok + other.ok,
            refused: self.refused + other.refused,
            unknown: self.unknown + other.unknown,
            timed_out: self.timed_out + other.timed_out,
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

/// A person's part of the history.
#[derive(Debug, Clone, Default)]
pub(crate) struct Record {
    pub(crate) sends: Vec<Sending>,
    /// By pair, those that the person belongs to.
    pub(crate) sides: std::collections::BTreeMap<usize, Side>,
    pub(crate) tally: Tally,
}

impl Record {
    pub(crate) fn acknowledged(&self) -> usize {
        self.sends.iter().filter(|send| matches!(send.outcome, Outcome::Acknowledged(_))).count()
    }
}
