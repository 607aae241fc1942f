//! Fixtures that the tests of all crates share.

#[cfg(test)]
use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

#[cfg(test)]
use crate::answer_size::AnswerItem;
use crate::clock::Clock;
#[cfg(test)]
use crate::error::{DomainError, ErrorKind, PortError};
use crate::id::UserId;

/// A clock that always returns the same time.
#[derive(Debug, Clone, Copy)]
pub struct FixedClock(pub DateTime<Utc>);

impl Clock for FixedClock {
    fn now(&self) -> DateTime<Utc> {
        self.0
    }
}

/// The time `seconds` after the epoch of the tests.
#[must_use]
pub fn at(seconds: i64) -> DateTime<Utc> {
    const EPOCH: i64 = 1_800_000_000;
    DateTime::from_timestamp(EPOCH.saturating_add(seconds), 0).unwrap_or(DateTime::<Utc>::MIN_UTC)
}

/// The id of the `number`-th test user. Ids are ordered by `number`.
#[must_use]
pub const fn user(number: u128) -> UserId {
    UserId::from_uuid(Uuid::from_u128(number))
}

/// A port error, which every use-case must pass on unchanged.
#[cfg(test)]
pub(crate) fn fault() -> PortError {
    PortError::unavailable(Duration::from_secs(7), "no connection is free")
}

/// Asserts that `result` is the error [`fault`].
#[cfg(test)]
#[track_caller]
pub(crate) fn assert_fault<T>(result: Result<T, impl DomainError>) {
    let passed_on = result.err().map(|error| (error.kind(), error.name()));
    let expected = ErrorKind::Unavailable { retry_after: Duration::from_secs(7) };
    assert_eq!(passed_on, Some((expected, "unavailable")));
}

/// The texts of an item that the size of an answer counts.
#[cfg(test)]
pub(crate) fn counted_texts(item: &impl AnswerItem) -> Vec<String> {
    let mut texts = Vec::new();
    item.visit_texts(&mut |text| texts.push(text.to_owned()));
    texts
}

/// The name of the error in `result`, if any.
#[cfg(test)]
pub(crate) fn refusal<T>(result: Result<T, impl DomainError>) -> Option<&'static str> {
    result.err().map(|error| error.name())
}

/// Asserts the class and the name of each error of a feature.
#[cfg(test)]
#[track_caller]
pub(crate) fn assert_catalogue<E: DomainError, const N: usize>(refusals: [(E, ErrorKind, &str); N]) {
    for (error, kind, name) in refusals {
        assert_eq!((error.kind(), error.name()), (kind, name), "{error}");
    }
}
