//! Tarpit: the answer to a requester that is refused again and again is held back, so that a closed loop of refused requests is slowed
//! down to one request per connection and [`HOLD`].
//!
//! A refusal is cheap but not free, and no limit of requests in flight bounds how many follow one another. A token bucket per requester
//! counts refusals. While it has tokens, the answer leaves at once; a client that is refused now and then notices nothing. State is
//! kept in memory, by each instance, for requesters whose bucket is not full.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use domain::quota::QuotaRate;
use foldhash::fast::RandomState;
use parking_lot::Mutex;

use super::requester::Requester;

/// How long an answer is held back.
pub(crate) const HOLD: Duration = Duration::from_secs(1);

/// How many refusals are answered at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefusalRates {
    /// To an account.
    per_account: QuotaRate,
    /// To an address, which many people can share.
    per_address: QuotaRate,
}

impl RefusalRates {
    /// People behind one address.
    const PEOPLE: u64 = 10;

    /// `per_minute` to an account, ten times as many to an address; `None` for an amount of zero, which stands for no limit.
    #[must_use]
    pub fn per_minute(per_minute: u64) -> Option<Self> {
        let rate = |amount| QuotaRate::new(amount, Duration::from_secs(60));
        let per_address = rate(per_minute.saturating_mul(Self::PEOPLE))?;
        Some(Self { per_account: rate(per_minute)?, per_address })
    }

    const fn of(&self, requester: Requester) -> QuotaRate {
        match requester {
            Requester::Account(_) => self.per_account,
            Requester::Address(_) => self.per_address,
        }
    }
}

/// The buckets of all requesters, and how many answers are held back.
pub(super) struct Tarpit {
    rates: Option<RefusalRates>,
    buckets: Mutex<RefusalBuckets>,
    held: AtomicUsize,
}

#[derive(Default)]
struct RefusalBuckets {
    /// When each bucket is full again.
    full_at: HashMap<Requester, Instant, RandomState>,
    /// The size at which full buckets are forgotten.
    sweep_at: usize,
}

/// An answer that is held back; dropping it gives its place up.
pub(crate) struct HeldAnswer(Arc<Tarpit>);

impl Tarpit {
    /// Answers held back at a time, of all requesters together: each keeps a response and a timer in memory.
    const PLACES: usize = 4096;
    /// The least size at which full buckets are forgotten.
    const MIN_SWEEP: usize = 1024;

    pub(super) fn new(rates: Option<RefusalRates>) -> Arc<Self> {
        Arc::new(Self { rates, buckets: Mutex::default(), held: AtomicUsize::new(0) })
    }

    /// Counts a refusal; returns a place if its answer is to be held back.
    pub(super) fn refuse(self: &Arc<Self>, requester: Requester, now: Instant) -> Option<HeldAnswer> {
        let rate = self.rates.as_ref()?.of(requester);
        if self.buckets.lock().spend(requester, rate, now) {
            return None;
        }
        let place = HeldAnswer(Arc::clone(self));
        (self.held.fetch_add(1, Ordering::Relaxed) < Self::PLACES).then_some(place)
    }
}

impl RefusalBuckets {
    /// Takes a token; `false` if there is none.
    fn spend(&mut self, requester: Requester, rate: QuotaRate, now: Instant) -> bool {
        if self.full_at.len() >= self.sweep_at {
            self.full_at.retain(|_, full_at| *full_at > now);
            self.sweep_at = (self.full_at.len() * 2).max(Tarpit::MIN_SWEEP);
        }
        let full_at = self.full_at.entry(requester).or_insert(now);
        let Ok(until_full) = rate.spend(full_at.saturating_duration_since(now), 1) else { return false };
        *full_at = now + until_full;
        true
    }
}

impl Drop for HeldAnswer {
    fn drop(&mut self) {
        self.0.held.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use domain::login_throttle::ClientAddress;
    use domain::testing::user;

    use super::*;

    fn account(number: u128) -> Requester {
        Requester::Account(user(number))
    }

    fn tarpit(per_minute: u64) -> Arc<Tarpit> {
        Tarpit::new(RefusalRates::per_minute(per_minute))
    }

    #[test]
    fn an_account_that_is_refused_now_and_then_is_answered_at_once() {
        let (tarpit, begun) = (tarpit(60), Instant::now());
        let is_held = |second| tarpit.refuse(account(1), begun + Duration::from_secs(second)).is_some();
        assert!((0..60).all(|_| !is_held(0)) && is_held(0), "a minute's refusals are answered at once");
        assert!((1..600).all(|second| !is_held(second)), "one a second is never held back");
        assert!(is_held(599));
        assert!(tarpit.refuse(account(2), begun).is_none(), "accounts are counted apart");
    }

    #[test]
    fn an_address_is_shared_by_ten_people() {
        let (tarpit, begun) = (tarpit(6), Instant::now());
        let address = Requester::Address(ClientAddress::new("192.0.2.7".parse().unwrap()).unwrap());
        let at_once = (0..100).filter(|_| tarpit.refuse(address, begun).is_none()).count();
        assert_eq!(at_once, 60);
    }

    #[test]
    fn places_are_bounded_and_given_back() {
        let (tarpit, now) = (tarpit(1), Instant::now());
        assert!(tarpit.refuse(account(1), now).is_none());
        let held: Vec<_> = (0..Tarpit::PLACES).map(|_| tarpit.refuse(account(1), now)).collect();
        assert!(held.iter().all(Option::is_some));
        assert!((0..9).all(|_| tarpit.refuse(account(1), now).is_none()), "the answer leaves at once then");
        drop(held);
        assert_eq!(tarpit.held.load(Ordering::Relaxed), 0);
        assert!(tarpit.refuse(account(1), now).is_some());
    }

    #[test]
    fn without_a_rate_no_answer_is_held_back() {
        let (tarpit, now) = (tarpit(0), Instant::now());
        assert!((0..1000).all(|_| tarpit.refuse(account(1), now).is_none()));
    }

    #[test]
    fn requesters_with_full_buckets_do_not_stay_in_memory() {
        let (tarpit, begun) = (tarpit(60), Instant::now());
        for number in 0..100_000 {
            let now = begun + Duration::from_millis(number);
            assert!(tarpit.refuse(account(number.into()), now).is_none());
            assert!(tarpit.buckets.lock().full_at.len() <= 4096);
        }
    }
}
