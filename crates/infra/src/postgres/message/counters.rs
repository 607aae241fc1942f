//! Metrics of the send queue.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use domain::number::saturating;
use prometheus::Histogram;

use crate::metrics::{self, Collectors};

/// Counters of the send queue since the start.
#[derive(Debug)]
pub struct SendCounters {
    accepted: AtomicU64,
    deferred: AtomicU64,
    batch_size: Histogram,
    wait: Histogram,
}

impl SendCounters {
    pub(super) fn new() -> std::io::Result<Self> {
        let size = "Messages stored per transaction.";
        Ok(Self {
            accepted: AtomicU64::new(0),
            deferred: AtomicU64::new(0),
            batch_size: metrics::histogram("hongyan_send_batch_messages", size, None, metrics::SIZES)?,
            wait: metrics::queue_wait("send")?,
        })
    }

    /// Drafts accepted into the queue.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Batches taken from the queue, and the drafts in them.
    #[must_use]
    pub fn batches_and_drafts(&self) -> (u64, u64) {
        (self.batch_size.get_sample_count(), self.wait.get_sample_count())
    }

    /// Drafts handed to the database threads because another transaction held their conversation.
    #[must_use]
    pub fn deferred(&self) -> u64 {
        self.deferred.load(Ordering::Relaxed)
    }

    pub(super) fn accept(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn defer(&self) {
        self.deferred.fetch_add(1, Ordering::Relaxed);
    }

    /// Records a batch, given the time at which each of its drafts was queued.
    pub(super) fn record_batch(&self, queued: impl ExactSizeIterator<Item = Instant>) {
        self.batch_size.observe(f64::from(saturating::<u32, _>(queued.len())));
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
