//! This machine's clock.

use chrono::{DateTime, Utc};
use domain::clock::Clock;

/// Tells the system's time.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "this is the one home of the system's time")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}
