//! Quotas that this instance counts in memory: messages and look-ups.
//!
//! A counter in the database would cost every send a write. So each instance counts for itself, and an account that uses N
//! instances has each of these quotas N times.

mod buckets;
mod lookup;
mod send;

pub use lookup::LookupQuotaInMemory;
pub use send::{SendQuotaInMemory, SendRates};
