//! Rate limiter for sends: messages per minute and sender, counted in the memory of this instance.
//!
//! A counter in the database would cost every send a write. So each instance counts for itself, and a sender who uses several
//! instances has the quota on each.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use domain::id::UserId;
use domain::message::SendQuota;
use domain::number::saturating;
use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};

type Limiter<C> = RateLimiter<
    UserId,
    DefaultKeyedStateStore<UserId>,
    C,
    NoOpMiddleware<<C as governor::clock::Clock>::Instant>,
>;

/// A rate limiter (GCRA) by sender. It forgets senders whose quota is full again.
pub struct SendQuotaInMemory<C: Clock = DefaultClock> {
    limiter: Limiter<C>,
    until_sweep: AtomicI64,
}

impl SendQuotaInMemory {
    /// Allows a burst of `messages`, then `messages` a minute at an even rate.
    #[must_use]
    pub fn per_minute(messages: NonZeroU32) -> Self {
        Self::with_clock(messages, DefaultClock::default())
    }
}

impl<C: Clock> SendQuotaInMemory<C> {
    /// Fewest messages between two sweeps.
    const MIN_SWEEP_INTERVAL: i64 = 1024;

    fn with_clock(messages: NonZeroU32, clock: C) -> Self {
        let limiter = RateLimiter::new(Quota::per_minute(messages), DefaultKeyedStateStore::default(), clock);
        Self { limiter, until_sweep: AtomicI64::new(Self::MIN_SWEEP_INTERVAL) }
    }

    /// Forgets senders with a full quota, once per as many messages as there are senders in memory. The amortised cost per message
    /// is constant, and at most about twice the active senders stay in memory.
    fn sweep_if_due(&self) {
        // The call that reaches zero sweeps; concurrent ones count below zero.
        if self.until_sweep.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
            let senders: i64 = saturating(self.limiter.len());
            self.until_sweep.store(senders.max(Self::MIN_SWEEP_INTERVAL), Ordering::Relaxed);
        }
    }
}

impl<C: Clock + Send + Sync> SendQuota for SendQuotaInMemory<C> {
    fn spend(&self, sender: UserId) -> Result<(), Duration> {
        self.sweep_if_due();
        let counted = self.limiter.check_key(&sender);
        counted.map_err(|too_early| too_early.wait_time_from(self.limiter.clock().now()))
    }
}

#[cfg(test)]
mod tests {
    use domain::testing::user;
    use governor::clock::FakeRelativeClock;

    use super::*;

    fn quota(messages: u32) -> (SendQuotaInMemory<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        (SendQuotaInMemory::with_clock(NonZeroU32::new(messages).unwrap(), clock.clone()), clock)
    }

    #[test]
    fn a_sender_may_send_a_burst_and_then_at_an_even_rate() {
        let (quota, clock) = quota(4);
        for _ in 0..4 {
            assert_eq!(quota.spend(user(1)), Ok(()));
        }
        assert_eq!(quota.spend(user(1)), Err(Duration::from_secs(15)));
        clock.advance(Duration::from_secs(14));
        assert_eq!(quota.spend(user(1)), Err(Duration::from_secs(1)), "a refused message is not counted");
        clock.advance(Duration::from_secs(1));
        assert_eq!(quota.spend(user(1)), Ok(()));
        assert_eq!(quota.spend(user(1)), Err(Duration::from_secs(15)));
        clock.advance(Duration::from_secs(60));
        for _ in 0..4 {
            assert_eq!(quota.spend(user(1)), Ok(()));
        }
        assert!(quota.spend(user(1)).is_err());
    }

    #[test]
    fn senders_are_counted_separately() {
        let (quota, _) = quota(1);
        assert_eq!((quota.spend(user(1)), quota.spend(user(2))), (Ok(()), Ok(())));
        assert!(quota.spend(user(1)).is_err() && quota.spend(user(2)).is_err());
    }

    #[test]
    fn a_million_senders_do_not_stay_in_memory() {
        let (quota, clock) = quota(60);
        let mut max = 0;
        for sender in 0..1_000_000 {
            clock.advance(Duration::from_millis(1));
            assert_eq!(quota.spend(user(sender)), Ok(()));
            if sender % 1000 == 0 {
                max = max.max(quota.limiter.len());
            }
        }
        // At sixty a minute the quota is full again within two seconds, in which two thousand more senders send.
        assert!(max <= 5_000, "{max} senders in memory");
    }

    #[test]
    fn many_threads_together_get_no_more_than_the_quota() {
        let (quota, _) = quota(1000);
        let allowed: usize = std::thread::scope(|scope| {
            let spend = || (0..500).filter(|_| quota.spend(user(1)).is_ok()).count();
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(spend)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(allowed, 1000);
    }
}
