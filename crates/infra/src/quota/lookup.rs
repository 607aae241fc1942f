//! Rate limiter for looking users up, in memory.

use std::time::Duration;

use domain::id::UserId;
use domain::quota::{LookupQuota, QuotaRate};

use super::buckets::Buckets;

/// Counts the look-ups of each account.
pub struct LookupQuotaInMemory(Buckets<1>);

impl LookupQuotaInMemory {
    /// Allows look-ups at this rate.
    #[must_use]
    pub fn new(rate: QuotaRate) -> Self {
        Self(Buckets::new([Some(rate)]))
    }
}

impl LookupQuota for LookupQuotaInMemory {
    fn spend(&self, viewer: UserId) -> Result<(), Duration> {
        self.0.spend(viewer, [1]).map_err(|shortage| shortage.retry_after)
    }
}
