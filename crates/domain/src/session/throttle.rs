//! The brake on guessing passwords: what is counted, and how long to wait.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::id::UserId;
use crate::user::{LoginIdentifier, PhoneNumber, Uid};

/// What somebody typed to log in by, whether an account of that name can exist or not.
#[derive(Clone, PartialEq, Eq)]
pub enum EnteredIdentifier {
    /// In the place of a 微信号.
    Uid(String),
    /// In the place of a phone number.
    PhoneNumber(String),
}

impl EnteredIdentifier {
    /// What accounts are found by; none when no account can be called so.
    #[must_use]
    pub fn parse(&self) -> Option<LoginIdentifier> {
        match self {
            Self::Uid(text) => Uid::parse("uid", text).ok().map(LoginIdentifier::Uid),
            Self::PhoneNumber(text) => PhoneNumber::parse(text).ok().map(LoginIdentifier::PhoneNumber),
        }
    }
}

impl fmt::Debug for EnteredIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EnteredIdentifier(…)")
    }
}

/// Where a caller sits: an IPv4 address, or the /64 of an IPv6 one, all of which belongs to one customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(IpAddr);

impl ClientAddress {
    /// The address to count by. None for a loopback or unspecified one, which tells nobody from anybody else.
    #[must_use]
    pub fn new(address: IpAddr) -> Option<Self> {
        const CUSTOMER: u128 = !0 << 64;
        let address = address.to_canonical();
        if address.is_loopback() || address.is_unspecified() {
            return None;
        }
        Some(Self(match address {
            IpAddr::V4(_) => address,
            IpAddr::V6(address) => IpAddr::V6((address.to_bits() & CUSTOMER).into()),
        }))
    }

    /// The address, or the first one of the /64.
    #[must_use]
    pub const fn get(self) -> IpAddr {
        self.0
    }
}

/// What failures are counted by.
#[derive(Clone, PartialEq, Eq)]
pub enum ThrottleKey {
    /// What was typed to log in by. In a uid, letters of both cases count as one, because they find the same account.
    Identifier(EnteredIdentifier),
    /// An account whose owner is logged in and types the password again.
    Account(UserId),
    /// Where the caller sits.
    Address(ClientAddress),
}

impl ThrottleKey {
    /// What was typed to log in by.
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
            Self::Account(id) => write!(f, "Account({id})"),
            Self::Address(address) => write!(f, "Address({})", address.get()),
        }
    }
}

/// What is kept of the failures of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailureRecord {
    /// How many there were since the last success, or since all were forgiven. A guess that is being checked counts.
    pub count: u32,
    /// Until when no guess is checked; a time that is over while guessing is free.
    pub blocked_until: DateTime<Utc>,
    /// When all of it is forgotten, if nothing is added.
    pub forgiven_at: DateTime<Utc>,
}

/// How a guess ended that had been counted as a failure beforehand, and was none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptResult {
    /// The password was right.
    Right,
    /// It was not checked, for a fault of ours.
    Unchecked,
}

/// Failures in a row that cost no wait.
const FREE_FAILURES: u32 = 5;
/// The wait after the last free failure. Each further failure doubles it.
const BASE_DELAY: TimeDelta = TimeDelta::seconds(5);
/// The longest wait, so that a stranger can slow an account's login down and never lock it.
const LONGEST_WAIT: TimeDelta = TimeDelta::minutes(15);
/// How long failures in a row are remembered after the last of them.
const FORGOTTEN_AFTER: TimeDelta = TimeDelta::days(1);

/// How fast an address is forgiven its failures, one at a time: many people may share it, so that no success of theirs
/// can be taken for everybody's.
const ADDRESS_FORGIVES_ONE_IN: TimeDelta = TimeDelta::seconds(10);
/// The failures that an address may have at once.
const ADDRESS_FAILURES: i32 = 60;

/// Counts a guess as a failure before it is checked, so that many at once cannot slip past the limit.
///
/// # Errors
/// How long to wait, when no guess is checked now. Such a one is not counted.
pub fn count_guess(
    key: &ThrottleKey,
    kept: Option<&FailureRecord>,
    now: DateTime<Utc>,
) -> Result<FailureRecord, Duration> {
    let kept = kept.filter(|kept| kept.forgiven_at > now);
    if let Some(wait) = kept.and_then(|kept| left_until(kept.blocked_until, now)) {
        return Err(wait);
    }
    let count = kept.map_or(0, |kept| kept.count).saturating_add(1);
    Ok(match key {
        ThrottleKey::Address(_) => {
            let forgiven_at = kept.map_or(now, |kept| kept.forgiven_at) + ADDRESS_FORGIVES_ONE_IN;
            let blocked_until = forgiven_at - ADDRESS_FORGIVES_ONE_IN * (ADDRESS_FAILURES - 1);
            FailureRecord { count, blocked_until, forgiven_at }
        }
        ThrottleKey::Identifier(_) | ThrottleKey::Account(_) => FailureRecord {
            count,
            blocked_until: now + wait_after(count),
            forgiven_at: now + FORGOTTEN_AFTER,
        },
    })
}

/// Takes back a failure that was none. None when nothing is left to be kept.
#[must_use]
pub fn release(
    key: &ThrottleKey,
    kept: &FailureRecord,
    verdict: AttemptResult,
    now: DateTime<Utc>,
) -> Option<FailureRecord> {
    let count = kept.count.checked_sub(1).filter(|count| *count > 0)?;
    match (key, verdict) {
        (ThrottleKey::Address(_), _) => {
            let forgiven_at = kept.forgiven_at - ADDRESS_FORGIVES_ONE_IN;
            let blocked_until = kept.blocked_until - ADDRESS_FORGIVES_ONE_IN;
            Some(FailureRecord { count, blocked_until, forgiven_at }).filter(|kept| kept.forgiven_at > now)
        }
        (_, AttemptResult::Right) => None,
        // The guess was let in, so no wait was running; the next one may be checked in its stead.
        (_, AttemptResult::Unchecked) => Some(FailureRecord { count, blocked_until: now, ..*kept }),
    }
}

fn left_until(time: DateTime<Utc>, now: DateTime<Utc>) -> Option<Duration> {
    time.signed_duration_since(now).to_std().ok().filter(|left| !left.is_zero())
}

/// How long to wait after so many failures in a row.
fn wait_after(failures: u32) -> TimeDelta {
    match failures.checked_sub(FREE_FAILURES) {
        None => TimeDelta::zero(),
        // Ten doublings are beyond the longest wait.
        Some(more) => (BASE_DELAY * (1 << more.min(10))).min(LONGEST_WAIT),
    }
}
