use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use unicode_normalization::UnicodeNormalization;

use crate::error::{InvalidValue, Rule};

/// A password that somebody chose: 8 to 128 characters after NFKC, any Unicode, never cut.
#[derive(Clone)]
pub struct Password(SecretString);

impl Password {
    const MIN: usize = 8;
    const MAX: usize = 128;

    /// Checks a password that somebody chooses, sent in `field`.
    ///
    /// # Errors
    /// [`Rule::Length`] or [`Rule::NotCommon`].
    pub fn parse(field: &'static str, text: SecretString) -> Result<Self, InvalidValue> {
        let normalised: SecretString = text.expose_secret().nfkc().collect::<String>().into();
        let length = normalised.expose_secret().chars().count();
        if !(Self::MIN..=Self::MAX).contains(&length) {
            return Err(InvalidValue::new(field, Rule::Length { min: Self::MIN, max: Self::MAX }));
        }
        if is_common(normalised.expose_secret()) {
            return Err(InvalidValue::new(field, Rule::NotCommon));
        }
        Ok(Self(normalised))
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

/// What somebody typed to log in. Any text is admitted: what does not match is wrong, not malformed.
#[derive(Debug, Clone)]
pub struct PasswordAttempt(SecretString);

impl PasswordAttempt {
    /// Takes what was typed.
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

/// A password's hash, as the hasher made it.
#[derive(Debug, Clone)]
pub struct PasswordHash(SecretString);

impl PasswordHash {
    /// Takes a hash from where hashes are made or kept.
    #[must_use]
    pub fn new(hash: String) -> Self {
        Self(hash.into())
    }

    /// The hash as it is kept.
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

/// Whether everybody tries this password first, whatever its case.
fn is_common(password: &str) -> bool {
    // One character again and again is guessed as early as the words.
    let mut characters = password.chars();
    let first = characters.next();
    if characters.all(|character| Some(character) == first) {
        return true;
    }
    let lower = password.to_lowercase();
    has_line(COMMON, &lower) || COMMON_IN_CHINA.contains(&lower.as_str())
}

/// What guessers try first: the passwords of eight characters and more among the nineteen thousand most common ones in
/// leaks, as Django lists them; in lower case and NFKC, sorted by bytes. `scripts/common-passwords` writes it.
const COMMON: &str = include_str!("common_passwords.txt");

/// Dates, declarations of love and names that those leaks are too western to know.
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

/// Whether one of the lines of a text whose lines are sorted by bytes is `wanted`.
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
    fn every_line_of_a_sorted_text_is_found_and_nothing_else() {
        assert!(!has_line("", "") && !has_line("", "a"));
        assert!(
            COMMON.lines().is_sorted_by(|one, other| one < other),
            "the list is sorted, and no line stands twice"
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
    fn what_is_listed_is_what_somebody_could_choose() {
        assert!(COMMON.lines().count() > 8000);
        for line in COMMON.lines().chain(COMMON_IN_CHINA.iter().copied()) {
            let composed: String = line.nfkc().collect();
            assert_eq!((composed.to_lowercase().as_str(), line.chars().count() >= 8), (line, true));
        }
        assert!(COMMON_IN_CHINA.iter().all(|text| !has_line(COMMON, text)), "one list is enough");
    }
}
