//! Metrics of the send queue.

use std::io;
use std::time::Instant;

use domain::number::saturating;
use prometheus::{Histogram, IntCounter};

use crate::metrics::{self, Collectors};

/// Counters and histograms of the send queue since the start.
#[derive(Debug)]
pub(super) struct SendMetrics {
    accepted: IntCounter,
    deferred: IntCounter,
    batch_size: Histogram,
    wait: Histogram,
}

impl SendMetrics {
    pub(super) fn new() -> io::Result<Self> {
        let counter = |name, help| IntCounter::new(name, help).map_err(io::Error::other);
        let size = "Messages stored per transaction.";
        Ok(Self {
            accepted: counter("hongyan_send_accepted_total", "Messages accepted into the send queue.")?,
            deferred: counter(
                "hongyan_send_deferred_total",
                "Messages deferred because another transaction held their conversation.",
            )?,
            batch_size: metrics::histogram("hongyan_send_batch_messages", size, None, metrics::SIZES)?,
            wait: metrics::queue_wait("send")?,
        })
    }

    /// Counts a draft accepted into the queue.
    pub(super) fn accept(&self) {
        self.accepted.inc();
    }

    /// Counts a draft handed to the database threads because another transaction held its conversation.
    pub(super) fn defer(&self) {
        self.deferred.inc();
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
        vec![
            Box::new(self.accepted.clone()),
            Box::new(self.deferred.clone()),
            Box::new(self.batch_size.clone()),
            Box::new(self.wait.clone()),
        ]
    }
}
