//! What the send queue counts.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use prometheus::Histogram;

use crate::metrics::{self, Collectors};

/// What the send queue has done since the start.
#[derive(Debug)]
pub struct SendCounters {
    accepted: AtomicU64,
    left_to_others: AtomicU64,
    batch_size: Histogram,
    wait: Histogram,
}

impl SendCounters {
    pub(super) fn new() -> std::io::Result<Self> {
        let (size, waited) =
            ("How many messages were stored together.", "How long jobs waited for a thread.");
        let label = Some(("queue", "send"));
        Ok(Self {
            accepted: AtomicU64::new(0),
            left_to_others: AtomicU64::new(0),
            batch_size: metrics::histogram("hongyan_send_batch_messages", size, None, metrics::SIZES)?,
            wait: metrics::histogram("hongyan_queue_wait_seconds", waited, label, metrics::WAITS)?,
        })
    }

    /// Drafts that were let into the queue.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Batches stored, and the drafts in them.
    #[must_use]
    pub fn batches_and_drafts(&self) -> (u64, u64) {
        (self.batch_size.get_sample_count(), self.wait.get_sample_count())
    }

    /// Drafts whose conversation was held by somebody else.
    #[must_use]
    pub fn left_to_others(&self) -> u64 {
        self.left_to_others.load(Ordering::Relaxed)
    }

    pub(super) fn accept(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn leave_to_others(&self) {
        self.left_to_others.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes a batch of drafts, each by the moment at which it was queued.
    pub(super) fn note(&self, queued: impl ExactSizeIterator<Item = Instant>) {
        self.batch_size.observe(f64::from(u32::try_from(queued.len()).unwrap_or(u32::MAX)));
        let waited = self.wait.local();
        for since in queued {
            waited.observe(since.elapsed().as_secs_f64());
        }
        waited.flush();
    }

    pub(super) fn collectors(&self) -> Collectors {
        vec![Box::new(self.batch_size.clone()), Box::new(self.wait.clone())]
    }
}
