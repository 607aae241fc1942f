//! The quotas on looking users up and on registering.

use std::time::Duration;

use async_trait::async_trait;

use crate::error::PortError;
use crate::id::UserId;
use crate::login_throttle::ClientAddress;

/// Rate limiter for looking users up by uid.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
pub trait LookupQuota: Send + Sync {
    /// Counts one more look-up of `viewer`. MUST NOT count a refused one, and MUST NOT keep idle viewers in memory.
    ///
    /// # Errors
    /// The time until the next look-up is allowed, if the quota is used up.
    fn spend(&self, viewer: UserId) -> Result<(), Duration>;
}

/// Rate limiter for registrations, shared by all instances.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
#[async_trait]
pub trait RegistrationQuota: Send + Sync {
    /// Counts one more registration from `address` (`None` if it does not distinguish clients) and in all, or returns the time
    /// until one is allowed. MUST NOT count a refused one under either, and MUST NOT admit more concurrently than sequentially.
    ///
    /// # Errors
    /// Any `PortError` from the adapter.
    async fn spend(&self, address: Option<ClientAddress>) -> Result<Option<Duration>, PortError>;
}
