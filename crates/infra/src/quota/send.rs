//! Rate limiter for sends, in memory: messages and bytes per time, and repeats beyond them.

use std::time::Duration;

use domain::id::UserId;
use domain::message::{SendQuota, SpentQuota};
use domain::number::saturating;
use domain::quota::QuotaRate;

use super::buckets::Buckets;

/// The rates of sending; `None` for no limit.
#[derive(Debug, Clone, Copy)]
pub struct SendRates {
    /// Messages.
    pub messages: Option<QuotaRate>,
    /// Bytes of their texts.
    pub bytes: Option<QuotaRate>,
}

/// Counts the messages of each sender.
pub struct SendQuotaInMemory {
    sent: Buckets<2>,
    repeated: Buckets<1>,
}

impl SendQuotaInMemory {
    /// Repeats per minute that are looked up although the quota is used up. Each costs about as much as a send.
    const REPEATS_PER_MINUTE: u64 = 60;

    /// Allows messages at these rates; `None` without any.
    #[must_use]
    pub fn new(rates: SendRates) -> Option<Self> {
        rates.messages.or(rates.bytes)?;
        let repeats = QuotaRate::new(Self::REPEATS_PER_MINUTE, Duration::from_secs(60));
        Some(Self { sent: Buckets::new([rates.messages, rates.bytes]), repeated: Buckets::new([repeats]) })
    }
}

impl SendQuota for SendQuotaInMemory {
    fn spend(&self, sender: UserId, bytes: usize) -> Result<(), SpentQuota> {
        self.sent.spend(sender, [1, saturating(bytes)]).map_err(|shortage| match shortage.bucket {
            0 => SpentQuota::Messages(shortage.retry_after),
            _ => SpentQuota::Bytes(shortage.retry_after),
        })
    }

    fn spend_repeat(&self, sender: UserId) -> bool {
        self.repeated.spend(sender, [1]).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use domain::testing::user;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn each_quota_of_a_sender_is_reported_by_its_kind() {
        let (messages, bytes) = (QuotaRate::new(3, HOUR), QuotaRate::new(100, HOUR));
        let quota = SendQuotaInMemory::new(SendRates { messages, bytes }).unwrap();
        assert_eq!(quota.spend(user(1), 90), Ok(()));
        assert!(matches!(quota.spend(user(1), 20), Err(SpentQuota::Bytes(_))));
        assert_eq!((quota.spend(user(1), 1), quota.spend(user(1), 1)), (Ok(()), Ok(())));
        assert!(matches!(quota.spend(user(1), 1), Err(SpentQuota::Messages(_))));
        assert_eq!(quota.spend(user(2), 5000), Ok(()), "a text above the quota is sent alone");
        assert!((0..60).all(|_| quota.spend_repeat(user(1))) && !quota.spend_repeat(user(1)));
    }

    #[test]
    fn without_any_rate_there_is_no_quota() {
        assert!(SendQuotaInMemory::new(SendRates { messages: None, bytes: None }).is_none());
        let bytes = QuotaRate::new(1, HOUR);
        assert!(SendQuotaInMemory::new(SendRates { messages: None, bytes }).is_some());
    }
}
