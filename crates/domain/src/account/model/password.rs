//! Password values: a chosen password, an attempt to log in, and the stored hash.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use unicode_normalization::UnicodeNormalization;

use super::visible::folded;
use super::{Nickname, Uid};
use crate::error::{InvalidValue, Rule};
use crate::id::UserId;
use crate::login_throttle::ClientAddress;

/// A new password: 8 to 128 characters after NFKC normalisation, any Unicode, never truncated.
#[derive(Clone)]
pub struct Password(SecretString);

impl Password {
    const MIN: usize = 8;
    const MAX: usize = 128;

    /// Normalises and parses a new password that a client sent.
    ///
    /// # Errors
    /// [`Rule::Length`] or [`Rule::NotCommon`].
    #[expect(clippy::needless_pass_by_value, reason = "no copy of the secret stays with the caller")]
    pub fn parse(text: SecretString) -> Result<Self, InvalidValue> {
        let normalised: SecretString = text.expose_secret().nfkc().collect::<String>().into();
        let length = normalised.expose_secret().chars().count();
        if !(Self::MIN..=Self::MAX).contains(&length) {
            return Err(InvalidValue::new(Rule::Length { min: Self::MIN, max: Self::MAX }));
        }
        if is_common(normalised.expose_secret()) {
            return Err(InvalidValue::new(Rule::NotCommon));
        }
        Ok(Self(normalised))
    }

    /// Checks that the password is neither the uid nor the name of its account, which all users can see.
    ///
    /// # Errors
    /// [`Rule::NotIdentity`].
    pub fn require_other_than(&self, uid: Option<&Uid>, name: Option<&Nickname>) -> Result<(), InvalidValue> {
        let password = folded(self.expose());
        let mut shown = uid.map(Uid::as_str).into_iter().chain(name.map(Nickname::as_str));
        if shown.any(|text| folded(text) == password) {
            Err(InvalidValue::new(Rule::NotIdentity))
        } else {
            Ok(())
        }
    }

    /// The text to hash, in NFKC.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// A password typed to log in. Any text is accepted: a mismatch is wrong, never malformed.
#[derive(Debug, Clone)]
pub struct PasswordAttempt(SecretString);

impl PasswordAttempt {
    /// Normalises the typed text.
    #[must_use]
    pub fn new(text: &SecretString) -> Self {
        Self(text.expose_secret().nfkc().collect::<String>().into())
    }

    /// The text to compare, in NFKC.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// Who waits for work on a password. Kinds of work have queues of their own, and the clients of a kind take turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HashingTurn {
    /// A login from an address; all clients without one share a turn.
    Login(Option<ClientAddress>),
    /// A registration from an address; all clients without one share a turn.
    Registration(Option<ClientAddress>),
    /// An account whose owner is logged in, or which an operator manages.
    Account(UserId),
}

/// A password hash in the format of the [`crate::account::PasswordHasher`].
#[derive(Debug, Clone)]
pub struct PasswordHash(SecretString);

impl PasswordHash {
    /// Wraps a hash from the hasher or the database.
    #[must_use]
    pub fn new(hash: String) -> Self {
        Self(hash.into())
    }

    /// The hash as stored.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl PartialEq for PasswordHash {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for PasswordHash {}

/// Whether password guessers try this password first; case is ignored.
fn is_common(password: &str) -> bool {
    // A single repeated character is guessed as early as the listed words.
    let mut characters = password.chars();
    let first = characters.next();
    if characters.all(|character| Some(character) == first) {
        return true;
    }
    let lower = password.to_lowercase();
    has_line(COMMON, &lower) || COMMON_IN_CHINA.contains(&lower.as_str())
}

/// The passwords of at least eight characters among Django's list of the nineteen thousand most common leaked ones, in
/// lower case and NFKC, sorted by bytes. `scripts/common-passwords` generates the file.
const COMMON: &str = include_str!("common_passwords.txt");

/// Dates, declarations of love and names that are common in China and missing from [`COMMON`].
const COMMON_IN_CHINA: &[&str] = &[
    "1314520520",
    "13145201314",
    "5201314520",
    "5201314a",
    "7758521521",
    "qq5201314",
    "wodemima",
    "xiazhili",
];

/// Binary search: whether `wanted` is a line of `sorted`, whose lines are sorted by bytes.
fn has_line(sorted: &str, wanted: &str) -> bool {
    let mut rest = sorted;
    while !rest.is_empty() {
        let middle = rest.floor_char_boundary(rest.len() / 2);
        let begin = rest.get(..middle).and_then(|before| before.rfind('\n')).map_or(0, |end| end + 1);
        let (before, from) = rest.split_at(begin);
        let (line, after) = from.split_once('\n').unwrap_or((from, ""));
        match line.cmp(wanted) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => rest = after,
            std::cmp::Ordering::Greater => rest = before,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_binary_search_finds_every_line_and_nothing_else() {
        assert!(!has_line("", "") && !has_line("", "a"));
        assert!(
            COMMON.lines().is_sorted_by(|one, other| one < other),
            "the list is sorted and without duplicates"
        );
        let lines: std::collections::HashSet<_> = COMMON.lines().collect();
        for line in COMMON.lines() {
            assert!(has_line(COMMON, line), "{line}");
            for other in [format!("{line}\u{0}"), line.chars().skip(1).collect(), format!("{line}\n")] {
                assert_eq!(has_line(COMMON, &other), lines.contains(other.as_str()), "{other}");
            }
        }
    }

    #[test]
    fn every_listed_password_passes_the_length_rule() {
        assert!(COMMON.lines().count() > 8000);
        for line in COMMON.lines().chain(COMMON_IN_CHINA.iter().copied()) {
            let composed: String = line.nfkc().collect();
            assert_eq!((composed.to_lowercase().as_str(), line.chars().count() >= 8), (line, true));
        }
        assert!(
            COMMON_IN_CHINA.iter().all(|text| !has_line(COMMON, text)),
            "a password is in one of the lists only"
        );
    }
}
