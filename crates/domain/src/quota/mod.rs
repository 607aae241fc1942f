//! Quotas: the token bucket that limits what an account or an address can do per time.

mod model;
mod ports;
#[cfg(test)]
mod tests;

pub use model::{QuotaRate, RegistrationRates};
pub use ports::{LookupQuota, RegistrationQuota};
#[cfg(any(test, feature = "test-support"))]
pub use ports::{MockLookupQuota, MockRegistrationQuota};
