//! What the tests of every crate make their worlds of.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::clock::Clock;
use crate::id::UserId;

/// A clock that stands still.
#[derive(Debug, Clone, Copy)]
pub struct FixedClock(pub DateTime<Utc>);

impl Clock for FixedClock {
    fn now(&self) -> DateTime<Utc> {
        self.0
    }
}

/// The time `seconds` after the beginning of the tests' world.
#[must_use]
pub fn at(seconds: i64) -> DateTime<Utc> {
    const BEGINNING: i64 = 1_800_000_000;
    DateTime::from_timestamp(BEGINNING.saturating_add(seconds), 0).unwrap_or(DateTime::<Utc>::MIN_UTC)
}

/// The `number`-th person of the tests' world; a greater number has a greater id.
#[must_use]
pub const fn user(number: u128) -> UserId {
    UserId::from_uuid(Uuid::from_u128(number))
}
