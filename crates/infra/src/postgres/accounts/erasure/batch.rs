//! The batch of pairs of one erasure step, its limit and its progress.

use diesel::Queryable;
use uuid::Uuid;

/// Maximum rows per step of each table in which a pair can have any number of rows.
pub(super) const MAX_ROWS: i64 = 1000;

/// A pair of the erased account and a peer.
#[derive(Debug, Clone, Copy, Queryable)]
pub(super) struct ErasedPair {
    pub(super) id: Uuid,
    pub(super) peer: Uuid,
}

/// The progress of a step over its batch of pairs.
#[derive(Debug, Clone, Copy)]
pub(super) enum BatchProgress {
    /// The pairs up to and including this one are finished.
    UpTo(Uuid),
    /// The row limit was reached before a pair was finished; the next step repeats the batch.
    SameBatch,
}
