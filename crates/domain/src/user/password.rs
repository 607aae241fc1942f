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
    // One character again and again, or a run of the keyboard's first row, is guessed as early as the words.
    let mut characters = password.chars();
    let first = characters.next();
    if characters.all(|character| Some(character) == first) {
        return true;
    }
    let lower = password.to_lowercase();
    COMMON.iter().any(|common| *common == lower)
}

/// The common passwords of eight characters and more that a guesser tries first.
const COMMON: &[&str] = &[
    "12345678",
    "123456789",
    "1234567890",
    "0123456789",
    "87654321",
    "987654321",
    "password",
    "password1",
    "password123",
    "passw0rd",
    "p@ssw0rd",
    "p@ssword",
    "qwertyui",
    "qwertyuiop",
    "qwerty123",
    "qwerty12",
    "1q2w3e4r",
    "1q2w3e4r5t",
    "1qaz2wsx",
    "asdfghjk",
    "asdfghjkl",
    "zxcvbnm1",
    "zxcvbnm123",
    "abcd1234",
    "a1234567",
    "a12345678",
    "a123456789",
    "aa123456",
    "abc12345",
    "abc123456",
    "11223344",
    "12341234",
    "12344321",
    "88888888",
    "iloveyou",
    "iloveyou1",
    "sunshine",
    "princess",
    "football",
    "baseball",
    "superman",
    "trustno1",
    "welcome1",
    "whatever",
    "starwars",
    "computer",
    "michelle",
    "jennifer",
    "internet",
    "5201314520",
    "woaini520",
    "woaini1314",
    "woaini123",
    "12345679",
    "123123123",
    "147258369",
    "789456123",
    "11112222",
    "1234qwer",
    "qwer1234",
    "asdf1234",
    "admin123",
    "administrator",
    "changeme",
    "letmein1",
    "dragon123",
    "monkey123",
    "master123",
];
