//! Identity values: uid, nickname, display name and phone number.

use std::fmt;
use std::time::Duration;

use super::visible::{folded, is_disruptive, is_visible};
use crate::error::{InvalidValue, Rule};

/// 微信号, the public handle of an account: 6–20 of `[A-Za-z0-9_-]`, starting with a letter.
///
/// It keeps its case for display. Uniqueness and lookup ignore case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uid(String);

impl Uid {
    const RANDOM_LENGTH: usize = 15;
    /// Beginnings that would let an account pose as the operator.
    const RESERVED: [&str; 4] = ["admin", "system", "weixin", "hongyan"];
    /// How long a uid stays reserved for the owner who gave it up by a change.
    pub const RETIREMENT: Duration = Duration::from_hours(720);

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

    /// Whether only an operator can give this uid to an account.
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        let begins_with = |start: &str| {
            self.0.get(..start.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(start))
        };
        Self::RESERVED.iter().any(|start| begins_with(start))
    }

    /// The uid without differences of case: two uids that find the same account are equal here. A uid is ASCII, so that no
    /// locale has a say.
    #[must_use]
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }

    /// Whether both find the same account: equality that ignores case.
    #[must_use]
    pub fn is_same_handle(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

/// 昵称, the display name: 1–64 characters after trimming, of which at least one can be seen and none disturbs the text around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nickname(String);

impl Nickname {
    /// The maximum number of characters.
    pub const MAX: usize = 64;
    /// What the product itself shows in the place of a name.
    const RESERVED: [&str; 3] = ["已注销", "Deleted account", "系统消息"];

    /// Trims and parses a name that a client sent.
    ///
    /// # Errors
    /// [`Rule::Length`], [`Rule::Characters`], [`Rule::NotBlank`] or [`Rule::NotReserved`].
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        let name = Self::from_stored(text)?;
        if name.0.chars().any(is_disruptive) {
            return Err(InvalidValue::new(Rule::Characters));
        }
        if !is_visible(&name.0) {
            return Err(InvalidValue::new(Rule::NotBlank));
        }
        let folded_name = folded(&name.0);
        if Self::RESERVED.iter().any(|reserved| folded(reserved) == folded_name) {
            return Err(InvalidValue::new(Rule::NotReserved));
        }
        Ok(name)
    }

    /// Parses a stored name, which may be older than some of the rules for new ones.
    ///
    /// # Errors
    /// [`Rule::Length`] or [`Rule::Characters`].
    pub fn from_stored(text: &str) -> Result<Self, InvalidValue> {
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

impl DisplayName {
    /// Calls `visit` with the nickname, if there is one.
    pub(crate) fn visit_text(&self, visit: &mut dyn FnMut(&str)) {
        if let Self::Nickname(name) = self {
            visit(name.as_str());
        }
    }
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
