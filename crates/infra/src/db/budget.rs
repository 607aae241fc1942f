//! The connection budget: how many database connections an instance uses, and for what.

/// The connections of an instance by purpose. A thread takes a connection only while it works, so these are maxima.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ConnectionBudget {
    /// Threads that serve requests.
    pub requests: u32,
    /// Writers of the send queue.
    pub writers: u32,
    /// Threads that search.
    pub searches: u32,
    /// The search indexer.
    pub indexer: u32,
    /// Workers that poll: the revocation list and the database's clock. They share one connection, because each needs it for
    /// one short query every three seconds.
    pub polls: u32,
    /// Exports, each on a connection outside of any pool.
    pub exports: u32,
    /// Background tasks, in a pool of their own.
    pub background: u32,
    /// Readiness checks, in a pool of their own.
    pub readiness: u32,
    /// The exchange of signals with other instances, on a connection outside of any pool.
    pub signals: u32,
}

impl ConnectionBudget {
    /// Connections of the main pool besides those for requests: [`crate::db::DbSettings::reserved`].
    #[must_use]
    pub fn reserved(&self) -> u32 {
        [self.writers, self.searches, self.indexer, self.polls].into_iter().fold(0, u32::saturating_add)
    }

    /// All connections of the instance.
    #[must_use]
    pub fn total(&self) -> u32 {
        let outside = [self.exports, self.background, self.readiness, self.signals];
        outside.into_iter().fold(self.requests.saturating_add(self.reserved()), u32::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_contains_every_purpose_once() {
        let budget = ConnectionBudget {
            requests: 1,
            writers: 10,
            searches: 100,
            indexer: 1000,
            polls: 10_000,
            exports: 100_000,
            background: 1_000_000,
            readiness: 10_000_000,
            signals: 100_000_000,
        };
        assert_eq!((budget.reserved(), budget.total()), (11_110, 111_111_111));
        assert_eq!(ConnectionBudget { requests: u32::MAX, ..budget }.total(), u32::MAX);
    }
}
