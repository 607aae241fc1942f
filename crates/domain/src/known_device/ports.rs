//! Ports of known devices.

use async_trait::async_trait;

use super::{KnownDevice, LoginOrigin};
use crate::account::LoginIdentifier;
use crate::error::PortError;
use crate::id::UserId;

/// Stores from where accounts have logged in, shared by all instances.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
#[async_trait]
pub trait KnownDevices: Send + Sync {
    /// The first of `origins` from which the account with this identifier has logged in within [`super::KNOWN_FOR`], by the
    /// database's clock. MUST take the same statements whether the account exists or not.
    ///
    /// # Errors
    /// Any `PortError` from the adapter.
    async fn recognize(
        &self,
        identifier: &LoginIdentifier,
        origins: &[LoginOrigin],
    ) -> Result<Option<KnownDevice>, PortError>;

    /// Remembers that an account has logged in from these origins. MUST keep a bounded number per account, the newest, and
    /// nothing for an account that is not active.
    ///
    /// # Errors
    /// Any `PortError` from the adapter.
    async fn remember(&self, user: UserId, origins: &[LoginOrigin]) -> Result<(), PortError>;
}
