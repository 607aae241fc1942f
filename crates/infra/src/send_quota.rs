//! How many messages a sender may send within a minute, counted in the memory of this instance.
//!
//! A count in the database would cost every send a write. So each instance counts for itself: where several of them serve
//! one sender, the quota is that of each.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use domain::id::UserId;
use domain::message::SendQuota;
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

/// Counts in memory. A sender who has been silent for so long that everything is allowed again is forgotten.
pub struct SendQuotaInMemory<C: Clock = DefaultClock> {
    limiter: Limiter<C>,
    until_sweep: AtomicI64,
}

impl SendQuotaInMemory {
    /// Allows so many messages at once, and from then on so many a minute, evenly.
    #[must_use]
    pub fn per_minute(messages: NonZeroU32) -> Self {
        Self::with_clock(messages, DefaultClock::default())
    }
}

impl<C: Clock> SendQuotaInMemory<C> {
    /// The fewest messages between two looks for senders to forget.
    const SWEEP: i64 = 1024;

    fn with_clock(messages: NonZeroU32, clock: C) -> Self {
        let limiter = RateLimiter::new(Quota::per_minute(messages), DefaultKeyedStateStore::default(), clock);
        Self { limiter, until_sweep: AtomicI64::new(Self::SWEEP) }
    }

    /// Forgets whom it can, once in as many messages as senders are remembered: so it costs each message next to nothing,
    /// and no more are remembered than about twice those who count still.
    fn sweep_now_and_then(&self) {
        // Whoever counts the last one sweeps; the others go below zero meanwhile.
        if self.until_sweep.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
            let remembered = i64::try_from(self.limiter.len()).unwrap_or(i64::MAX);
            self.until_sweep.store(remembered.max(Self::SWEEP), Ordering::Relaxed);
        }
    }
}

impl<C: Clock + Send + Sync> SendQuota for SendQuotaInMemory<C> {
    fn spend(&self, sender: UserId) -> Result<(), Duration> {
        self.sweep_now_and_then();
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
    fn a_sender_may_send_so_many_at_once_and_then_so_many_a_minute() {
        let (quota, clock) = quota(4);
        for _ in 0..4 {
            assert_eq!(quota.spend(user(1)), Ok(()));
        }
        assert_eq!(quota.spend(user(1)), Err(Duration::from_secs(15)));
        clock.advance(Duration::from_secs(14));
        assert_eq!(quota.spend(user(1)), Err(Duration::from_secs(1)), "what was too many is not counted");
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
    fn senders_are_counted_each_for_oneself() {
        let (quota, _) = quota(1);
        assert_eq!((quota.spend(user(1)), quota.spend(user(2))), (Ok(()), Ok(())));
        assert!(quota.spend(user(1)).is_err() && quota.spend(user(2)).is_err());
    }

    #[test]
    fn a_million_senders_are_not_remembered_for_ever() {
        let (quota, clock) = quota(60);
        let mut most = 0;
        for sender in 0..1_000_000 {
            clock.advance(Duration::from_millis(1));
            assert_eq!(quota.spend(user(sender)), Ok(()));
            if sender % 1000 == 0 {
                most = most.max(quota.limiter.len());
            }
        }
        // One message of sixty a minute is forgotten after two seconds, in which two thousand more senders come.
        assert!(most <= 5_000, "{most} senders were remembered");
    }

    #[test]
    fn many_threads_together_are_allowed_no_more_than_the_quota() {
        let (quota, _) = quota(1000);
        let allowed: usize = std::thread::scope(|scope| {
            let spend = || (0..500).filter(|_| quota.spend(user(1)).is_ok()).count();
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(spend)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(allowed, 1000);
    }
}
