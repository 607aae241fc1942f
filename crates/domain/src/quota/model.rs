//! The token bucket (GCRA), as a pure function of the time until the bucket is full again.

use std::num::NonZeroU64;
use std::time::Duration;

use crate::number::saturating;

/// The size of a token bucket and the time in which it fills: `amount` at once, then evenly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaRate {
    amount: NonZeroU64,
    period: Duration,
}

impl QuotaRate {
    /// `amount` per `period`; `None` for an amount of zero, which stands for no limit.
    #[must_use]
    pub fn new(amount: u64, period: Duration) -> Option<Self> {
        NonZeroU64::new(amount).map(|amount| Self { amount, period })
    }

    /// Takes `cost` tokens from a bucket that is full again after `until_full`, and returns that time after the withdrawal.
    ///
    /// A cost above the size of the bucket takes the whole bucket, so that it is possible at all.
    ///
    /// # Errors
    /// The time until there are enough tokens. None is taken then.
    pub fn spend(&self, until_full: Duration, cost: u64) -> Result<Duration, Duration> {
        let nanos: u64 = saturating(self.period.as_nanos());
        let time = nanos.saturating_mul(cost.min(self.amount.get())) / self.amount;
        // After a change of the setting, or of a clock, the stored time may exceed the period.
        let spent = until_full.min(self.period).saturating_add(Duration::from_nanos(time));
        match spent.checked_sub(self.period) {
            Some(wait) if !wait.is_zero() => Err(wait),
            _ => Ok(spent),
        }
    }
}

/// The rates of registering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegistrationRates {
    /// From one address.
    pub per_address: QuotaRate,
    /// From all addresses together. It bounds the hashing of passwords that registrations cause.
    pub overall: QuotaRate,
}

impl RegistrationRates {
    /// Registrations per minute from all addresses together. A bcrypt hash takes a core for about a quarter of a second.
    const OVERALL_PER_MINUTE: u64 = 60;

    /// `per_hour` from one address, and sixty a minute in all; `None` for an amount of zero, which stands for no limit.
    #[must_use]
    pub fn per_hour(per_hour: u64) -> Option<Self> {
        let per_address = QuotaRate::new(per_hour, Duration::from_secs(3600))?;
        let overall = QuotaRate::new(Self::OVERALL_PER_MINUTE, Duration::from_secs(60))?;
        Some(Self { per_address, overall })
    }
}
