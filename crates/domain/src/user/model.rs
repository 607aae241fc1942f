use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::error::{InvalidValue, Rule};
use crate::id::UserId;

/// 微信号, the handle that somebody is found by: 6–20 of `[A-Za-z0-9_-]`, first a letter.
///
/// It is shown as typed, and unique and found whatever its case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uid(String);

impl Uid {
    const RANDOM_LENGTH: usize = 15;

    /// Checks a uid that a caller sent in `field`.
    ///
    /// # Errors
    /// [`Rule::Uid`].
    pub fn parse(field: &'static str, text: &str) -> Result<Self, InvalidValue> {
        let first_is_letter = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
        let rest_fits = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
        if first_is_letter && rest_fits && (6..=20).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidValue::new(field, Rule::Uid))
        }
    }

    /// Makes the uid of somebody who chose none from random bytes: `wxid_` and 15 of `[a-z2-7]`.
    #[must_use]
    pub fn from_random(bytes: &[u8; 16]) -> Self {
        const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
        let letters = bytes
            .iter()
            .take(Self::RANDOM_LENGTH)
            .map(|byte| ALPHABET.get(usize::from(byte % 32)).copied().map_or('a', char::from));
        Self(format!("wxid_{}", letters.collect::<String>()))
    }

    /// The uid as its owner typed it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether both find the same person.
    #[must_use]
    pub fn is_same_handle(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

/// 昵称, the name that others see: 1–64 characters after trimming, no control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nickname(String);

impl Nickname {
    const MAX: usize = 64;

    /// Trims and checks a name that a caller sent in `name`.
    ///
    /// # Errors
    /// [`Rule::Length`] or [`Rule::Characters`].
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        let trimmed = text.trim();
        if !(1..=Self::MAX).contains(&trimmed.chars().count()) {
            return Err(InvalidValue::new("name", Rule::Length { min: 1, max: Self::MAX }));
        }
        if trimmed.chars().any(char::is_control) {
            return Err(InvalidValue::new("name", Rule::Characters));
        }
        Ok(Self(trimmed.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What an account is called in the answers that others get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DisplayName {
    /// Its nickname.
    Nickname(Nickname),
    /// The account was erased; each language has its own word for that.
    Erased,
}

/// A mainland phone number: `1` and ten more digits. Shown to nobody but its owner.
#[derive(Clone, PartialEq, Eq)]
pub struct PhoneNumber(String);

impl PhoneNumber {
    /// Checks a phone number that a caller sent in `phone_number`.
    ///
    /// # Errors
    /// [`Rule::PhoneNumber`].
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        if text.len() == 11 && text.starts_with('1') && text.bytes().all(|byte| byte.is_ascii_digit()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidValue::new("phone_number", Rule::PhoneNumber))
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
    /// The account's id; it never changes.
    pub id: UserId,
    /// 微信号.
    pub uid: Uid,
    /// 昵称.
    pub name: Nickname,
    /// Given at registration or not at all.
    pub phone_number: Option<PhoneNumber>,
    /// When the account was made.
    pub created_at: DateTime<Utc>,
}

/// An account with what waits for its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountSummary {
    /// The account.
    pub user: User,
    /// The unread messages of all conversations in its list, muted ones included.
    pub unread_total: i64,
    /// The requests that it received and that can be answered still.
    pub pending_requests: i64,
}

/// An account, as somebody else sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The account's id.
    pub user_id: UserId,
    /// 微信号.
    pub uid: Uid,
    /// 昵称.
    pub name: Nickname,
    /// What it is to the one who asks.
    pub relation: Relation,
}

/// What an account is to the one who looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// The one who looks.
    Own,
    /// A friend.
    Friend,
    /// The one who looks has asked for friendship and waits.
    RequestSent,
    /// The account has asked for friendship and waits.
    RequestReceived,
    /// Nothing of these.
    None,
}

/// What decides whether a uid may be changed now.
#[derive(Debug, Clone)]
pub struct UidChange<'a> {
    /// The present uid.
    pub current: &'a Uid,
    /// The wanted uid.
    pub wanted: &'a Uid,
    /// When it was changed last, if ever.
    pub changed_at: Option<DateTime<Utc>>,
    /// The time by the database's clock.
    pub now: DateTime<Utc>,
    /// How long to wait between two changes; zero for no limit.
    pub interval: Duration,
}

/// Why a uid may not be changed now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UidChangeRefusal {
    /// It is the present one, letter by letter.
    Unchanged,
    /// The interval since the last change is not over.
    TooRecent,
}

/// Decides whether a uid may be changed now. Whether it is free only the database can tell.
///
/// # Errors
/// Why not.
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
