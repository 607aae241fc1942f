//! Change notes: what a transaction returns besides its outcome, so that those who wait for changes wake after its commit.

use domain::id::UserId;

/// The outcome of a transaction and the accounts that it concerns. Notes are made by `postgres/change.rs`, which stamps what it notes.
#[derive(Debug)]
pub(crate) struct Noted<T> {
    pub(crate) outcome: T,
    pub(crate) concerned: Vec<UserId>,
}

impl<T> Noted<T> {
    /// The outcome of a transaction that changed nothing that a client shows.
    pub(crate) const fn nothing(outcome: T) -> Self {
        Self { outcome, concerned: Vec::new() }
    }

    /// The same notes with another outcome.
    pub(crate) fn map<U>(self, outcome: impl FnOnce(T) -> U) -> Noted<U> {
        Noted { outcome: outcome(self.outcome), concerned: self.concerned }
    }
}
