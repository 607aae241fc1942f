//! Throttle keys, failure records, and the decisions on them.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::ClientAddress;
use crate::account::{LoginIdentifier, PhoneNumber, Uid};
use crate::id::SessionId;
use crate::known_device::KnownDevice;

/// The identifier typed to log in. It may be malformed: such attempts are throttled like all others.
#[derive(Clone, PartialEq, Eq)]
pub enum EnteredIdentifier {
    /// A 微信号.
    Uid(String),
    /// A phone number.
    PhoneNumber(String),
}

impl EnteredIdentifier {
    /// Parses the identifier; `None` if no account can have it.
    #[must_use]
    pub fn parse(&self) -> Option<LoginIdentifier> {
        match self {
            Self::Uid(text) => Uid::parse(text).ok().map(LoginIdentifier::Uid),
            Self::PhoneNumber(text) => PhoneNumber::parse(text).ok().map(LoginIdentifier::PhoneNumber),
        }
    }
}

impl fmt::Debug for EnteredIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EnteredIdentifier(…)")
    }
}

/// The key under which failures are counted.
#[derive(Clone, PartialEq, Eq)]
pub enum ThrottleKey {
    /// An identifier typed by a stranger. Uids are in lower case, because lookup ignores case.
    Identifier(EnteredIdentifier),
    /// An account, for attempts from an address or a device from which it has logged in lately.
    Known(KnownDevice),
    /// A session whose caller reauthenticates.
    Session(SessionId),
    /// A client's network address.
    Address(ClientAddress),
}

impl ThrottleKey {
    /// The key of a typed identifier.
    #[must_use]
    pub fn of(typed: &EnteredIdentifier) -> Self {
        Self::Identifier(match typed {
            EnteredIdentifier::Uid(text) => EnteredIdentifier::Uid(text.to_ascii_lowercase()),
            EnteredIdentifier::PhoneNumber(text) => EnteredIdentifier::PhoneNumber(text.clone()),
        })
    }
}

impl fmt::Debug for ThrottleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identifier(typed) => typed.fmt(f),
            Self::Known(device) => device.fmt(f),
            Self::Session(id) => write!(f, "Session({id})"),
            Self::Address(address) => write!(f, "Address({})", address.get()),
        }
    }
}

/// The stored failures of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailureRecord {
    /// The number since the last success or since the record expired, including attempts being verified.
    pub count: u32,
    /// No attempt is admitted before this time; in the past while attempts are free.
    pub blocked_until: DateTime<Utc>,
    /// When the record expires unless another failure follows.
    pub forgiven_at: DateTime<Utc>,
}

/// Why a counted attempt is released.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptResult {
    /// The password was correct.
    Correct,
    /// It was not verified because of an internal error.
    Unverified,
}

/// Consecutive failures without a delay.
const FREE_FAILURES: u32 = 5;
/// Delay after the last free failure. Each further failure doubles it.
const BASE_DELAY: TimeDelta = TimeDelta::seconds(5);
/// Maximum delay: an attacker can slow down the login of an account but never lock it.
const MAX_DELAY: TimeDelta = TimeDelta::minutes(15);
/// Consecutive failures expire this long after the last one.
const RECORD_TTL: TimeDelta = TimeDelta::days(1);

/// Leak interval of the bucket of an address: one failure expires per interval. Successes do not empty the bucket,
/// because many users may share an address.
const ADDRESS_LEAK_INTERVAL: TimeDelta = TimeDelta::seconds(10);
/// Capacity of the bucket of an address.
const ADDRESS_CAPACITY: i32 = 60;

/// Counts an attempt as a failure before it is verified, so that concurrent attempts cannot exceed the limit.
///
/// # Errors
/// The time to wait, if the attempt is not admitted. It is not counted then.
pub fn count_attempt(
    key: &ThrottleKey,
    record: Option<&FailureRecord>,
    now: DateTime<Utc>,
) -> Result<FailureRecord, Duration> {
    let record = record.filter(|record| record.forgiven_at > now);
    if let Some(wait) = record.and_then(|record| time_until(record.blocked_until, now)) {
        return Err(wait);
    }
    let count = record.map_or(0, |record| record.count).saturating_add(1);
    Ok(match key {
        ThrottleKey::Address(_) => {
            let forgiven_at = record.map_or(now, |record| record.forgiven_at) + ADDRESS_LEAK_INTERVAL;
            let blocked_until = forgiven_at - ADDRESS_LEAK_INTERVAL * (ADDRESS_CAPACITY - 1);
            FailureRecord { count, blocked_until, forgiven_at }
        }
        ThrottleKey::Identifier(_) | ThrottleKey::Known(_) | ThrottleKey::Session(_) => {
            FailureRecord { count, blocked_until: now + delay_after(count), forgiven_at: now + RECORD_TTL }
        }
    })
}

/// Releases an attempt that was not a failure. Returns `None` if the record is empty then.
#[must_use]
pub fn release(
    key: &ThrottleKey,
    record: &FailureRecord,
    result: AttemptResult,
    now: DateTime<Utc>,
) -> Option<FailureRecord> {
    let count = record.count.checked_sub(1).filter(|count| *count > 0)?;
    match (key, result) {
        (ThrottleKey::Address(_), _) => {
            let forgiven_at = record.forgiven_at - ADDRESS_LEAK_INTERVAL;
            let blocked_until = record.blocked_until - ADDRESS_LEAK_INTERVAL;
            Some(FailureRecord { count, blocked_until, forgiven_at })
                .filter(|record| record.forgiven_at > now)
        }
        (_, AttemptResult::Correct) => None,
        // The attempt was admitted, so no delay was running; another attempt may take its place.
        (_, AttemptResult::Unverified) => Some(FailureRecord { count, blocked_until: now, ..*record }),
    }
}

fn time_until(time: DateTime<Utc>, now: DateTime<Utc>) -> Option<Duration> {
    time.signed_duration_since(now).to_std().ok().filter(|left| !left.is_zero())
}

/// The delay after this number of consecutive failures.
fn delay_after(failures: u32) -> TimeDelta {
    match failures.checked_sub(FREE_FAILURES) {
        None => TimeDelta::zero(),
        // Ten doublings exceed the maximum delay.
        Some(more) => (BASE_DELAY * (1 << more.min(10))).min(MAX_DELAY),
    }
}
