//! Profile values: uid, nickname, phone number, and what an account shows of itself.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::error::{InvalidValue, Rule};
use crate::id::UserId;

/// 微信号, the public handle of an account: 6–20 of `[A-Za-z0-9_-]`, starting with a letter.
///
/// It keeps its case for display. Uniqueness and lookup ignore case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uid(String);

impl Uid {
    const RANDOM_LENGTH: usize = 15;

    /// Parses a uid that a client sent.
    ///
    /// # Errors
    /// [`Rule::Uid`].
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        let first_is_letter = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
        let rest_fits = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
        if first_is_letter && rest_fits && (6..=20).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidValue::new(Rule::Uid))
        }
    }

    /// Generates a uid from random bytes: `wxid_` and 15 of `[a-z2-7]`.
    #[must_use]
    pub fn from_random(bytes: &[u8; 16]) -> Self {
        const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
        let letters = bytes
            .iter()
            .take(Self::RANDOM_LENGTH)
            .map(|byte| ALPHABET.get(usize::from(byte % 32)).copied().map_or('a', char::from));
        Self(format!("wxid_{}", letters.collect::<String>()))
    }

    /// The uid in its original case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether both find the same account: equality that ignores case.
    #[must_use]
    pub fn is_same_handle(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

/// 昵称, the display name: 1–64 characters after trimming, no control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nickname(String);

impl Nickname {
    const MAX: usize = 64;

    /// Trims and parses a name that a client sent.
    ///
    /// # Errors
    /// [`Rule::Length`] or [`Rule::Characters`].
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        let trimmed = text.trim();
        if !(1..=Self::MAX).contains(&trimmed.chars().count()) {
            return Err(InvalidValue::new(Rule::Length { min: 1, max: Self::MAX }));
        }
        if trimmed.chars().any(char::is_control) {
            return Err(InvalidValue::new(Rule::Characters));
        }
        Ok(Self(trimmed.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name of an account, as other users see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DisplayName {
    /// Its nickname.
    Nickname(Nickname),
    /// The account is erased; the adapters show a translated placeholder.
    Erased,
}

/// A mainland Chinese phone number: `1` and ten more digits. Only its owner sees it.
#[derive(Clone, PartialEq, Eq)]
pub struct PhoneNumber(String);

impl PhoneNumber {
    /// Parses a number that a client sent.
    ///
    /// # Errors
    /// [`Rule::PhoneNumber`].
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        if text.len() == 11 && text.starts_with('1') && text.bytes().all(|byte| byte.is_ascii_digit()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidValue::new(Rule::PhoneNumber))
        }
    }

    /// The number.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PhoneNumber(…)")
    }
}

/// An account, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The id, which never changes.
    pub id: UserId,
    /// 微信号.
    pub uid: Uid,
    /// 昵称.
    pub name: Nickname,
    /// Set at registration or never.
    pub phone_number: Option<PhoneNumber>,
    /// When the account was registered.
    pub created_at: DateTime<Utc>,
}

/// An account with the counters for its owner's start page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountSummary {
    /// The account.
    pub user: User,
    /// The unread messages of all conversations in its list, muted ones included.
    pub unread_total: i64,
    /// Received friendship requests that can still be answered.
    pub pending_requests: i64,
}

/// An account, as another user sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The account's id.
    pub user_id: UserId,
    /// 微信号.
    pub uid: Uid,
    /// 昵称.
    pub name: Nickname,
    /// Its relation to the viewer.
    pub relation: Relation,
}

/// The relation of an account to its viewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// The viewer's own account.
    Own,
    /// A friend.
    Friend,
    /// The viewer's friendship request is pending.
    RequestSent,
    /// The account's friendship request to the viewer is pending.
    RequestReceived,
    /// None of the above.
    None,
}

/// The input of [`decide_uid_change`].
#[derive(Debug, Clone)]
pub struct UidChange<'a> {
    /// The current uid.
    pub current: &'a Uid,
    /// The wanted uid.
    pub wanted: &'a Uid,
    /// The time of the last change, if any.
    pub changed_at: Option<DateTime<Utc>>,
    /// The current time of the database's clock.
    pub now: DateTime<Utc>,
    /// The least time between two changes; zero for no limit.
    pub interval: Duration,
}

/// Refusals of a uid change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UidChangeRefusal {
    /// The wanted uid equals the current one, including case.
    Unchanged,
    /// The interval since the last change has not passed.
    TooRecent,
}

/// Decides whether a uid may be changed now. Only the database can decide whether it is free.
///
/// # Errors
/// The refusal.
pub fn decide_uid_change(change: &UidChange<'_>) -> Result<(), UidChangeRefusal> {
    if change.current == change.wanted {
        return Err(UidChangeRefusal::Unchanged);
    }
    let interval = chrono::TimeDelta::from_std(change.interval).unwrap_or(chrono::TimeDelta::MAX);
    match change.changed_at {
        Some(changed_at) if change.now.signed_duration_since(changed_at) < interval => {
            Err(UidChangeRefusal::TooRecent)
        }
        _ => Ok(()),
    }
}
