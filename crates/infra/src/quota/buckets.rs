//! Token buckets by account, in memory. Accounts whose buckets are all full are forgotten.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use dashmap::DashMap;
use domain::id::UserId;
use domain::number::saturating;
use domain::quota::QuotaRate;

/// A bucket that has too few tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shortage {
    /// The position of its rate.
    pub(super) bucket: usize,
    /// The time until there are enough tokens.
    pub(super) retry_after: Duration,
}

/// `N` buckets per account, which are charged together or not at all.
pub(super) struct Buckets<const N: usize> {
    /// Without a rate a bucket is never empty.
    rates: [Option<QuotaRate>; N],
    /// When each bucket is full again, since `started`.
    full_at: DashMap<UserId, [Duration; N]>,
    started: Instant,
    until_sweep: AtomicI64,
}

impl<const N: usize> Buckets<N> {
    /// Fewest withdrawals between two sweeps.
    const MIN_SWEEP_INTERVAL: i64 = 1024;

    pub(super) fn new(rates: [Option<QuotaRate>; N]) -> Self {
        let until_sweep = AtomicI64::new(Self::MIN_SWEEP_INTERVAL);
        Self { rates, full_at: DashMap::new(), started: Instant::now(), until_sweep }
    }

    /// Takes the cost of each bucket from it, or nothing from any.
    pub(super) fn spend(&self, account: UserId, costs: [u64; N]) -> Result<(), Shortage> {
        self.spend_at(self.started.elapsed(), account, costs)
    }

    fn spend_at(&self, now: Duration, account: UserId, costs: [u64; N]) -> Result<(), Shortage> {
        self.sweep_if_due(now);
        let mut full_at = self.full_at.entry(account).or_insert([now; N]);
        let mut spent = *full_at;
        let buckets = self.rates.iter().zip(costs).zip(&mut spent);
        for (bucket, ((rate, cost), full_at)) in buckets.enumerate() {
            let Some(rate) = rate else { continue };
            let until_full = rate.spend(full_at.saturating_sub(now), cost);
            *full_at =
                now.saturating_add(until_full.map_err(|retry_after| Shortage { bucket, retry_after })?);
        }
        *full_at = spent;
        Ok(())
    }

    /// Forgets accounts with full buckets, once per as many withdrawals as there are accounts in memory. The amortised cost per
    /// withdrawal is constant, and at most about twice the active accounts stay in memory.
    fn sweep_if_due(&self, now: Duration) {
        // The call that reaches zero sweeps; concurrent ones count below zero.
        if self.until_sweep.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.full_at.retain(|_, full_at| full_at.iter().any(|full_at| *full_at > now));
            self.full_at.shrink_to_fit();
            let accounts: i64 = saturating(self.full_at.len());
            self.until_sweep.store(accounts.max(Self::MIN_SWEEP_INTERVAL), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::testing::user;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const SECOND: Duration = Duration::from_secs(1);

    fn buckets<const N: usize>(amounts: [u64; N]) -> Buckets<N> {
        Buckets::new(amounts.map(|amount| QuotaRate::new(amount, MINUTE)))
    }

    #[test]
    fn an_account_has_a_burst_and_then_an_even_rate() {
        let buckets = buckets([4]);
        for _ in 0..4 {
            assert_eq!(buckets.spend_at(SECOND, user(1), [1]), Ok(()));
        }
        let short = |seconds| Err(Shortage { bucket: 0, retry_after: SECOND * seconds });
        assert_eq!(buckets.spend_at(SECOND, user(1), [1]), short(15));
        assert_eq!(buckets.spend_at(15 * SECOND, user(1), [1]), short(1), "a refused one is not counted");
        assert_eq!(buckets.spend_at(16 * SECOND, user(1), [1]), Ok(()));
        assert_eq!(buckets.spend_at(16 * SECOND, user(1), [1]), short(15));
        assert_eq!(buckets.spend_at(16 * SECOND, user(2), [1]), Ok(()), "accounts are counted separately");
    }

    #[test]
    fn what_one_bucket_refuses_is_taken_from_no_other() {
        let buckets = buckets([60, 600]);
        assert_eq!(buckets.spend_at(SECOND, user(1), [1, 600]), Ok(()));
        for _ in 0..100 {
            let shortage = buckets.spend_at(SECOND, user(1), [1, 10]).unwrap_err();
            assert_eq!(shortage, Shortage { bucket: 1, retry_after: SECOND });
        }
        assert_eq!(buckets.spend_at(SECOND, user(1), [59, 0]), Ok(()), "only the first one was counted");
        assert_eq!(buckets.spend_at(SECOND, user(1), [1, 0]).unwrap_err().bucket, 0);
    }

    #[test]
    fn without_a_rate_nothing_is_refused() {
        let buckets = buckets([0, 0]);
        for _ in 0..1000 {
            assert_eq!(buckets.spend(user(1), [u64::MAX, u64::MAX]), Ok(()));
        }
    }

    #[test]
    fn a_million_accounts_do_not_stay_in_memory() {
        let buckets = buckets([60]);
        let mut max = 0;
        for account in 0..1_000_000 {
            let now = Duration::from_millis(account);
            assert_eq!(buckets.spend_at(now, user(u128::from(account)), [1]), Ok(()));
            if account % 1000 == 0 {
                max = max.max(buckets.full_at.len());
            }
        }
        // At sixty a minute a bucket is full again after a second, in which a thousand more accounts come.
        assert!(max <= 5_000, "{max} accounts in memory");
    }

    #[test]
    fn many_threads_together_get_no_more_than_the_quota() {
        let buckets = buckets([1000]);
        let allowed: usize = std::thread::scope(|scope| {
            let spend = || (0..500).filter(|_| buckets.spend_at(SECOND, user(1), [1]).is_ok()).count();
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(spend)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(allowed, 1000);
    }
}
