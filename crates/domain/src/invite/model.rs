//! An invite and its code.

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};

/// The code that a person types to register: twenty letters and digits, 100 bits. The first five are the invite's id, by which
/// operators name it; the rest is secret.
#[derive(Clone)]
pub struct InviteCode(SecretString);

impl InviteCode {
    const LENGTH: usize = 20;
    const ID_LENGTH: usize = 5;
    /// No letters and digits that look alike.
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

    /// Parses a typed code; hyphens, white space and case do not matter. `None` if no invite can have it.
    #[must_use]
    pub fn parse(typed: &str) -> Option<Self> {
        // Longer texts are not a code with spaces, and need not be copied.
        if typed.len() > Self::LENGTH * 4 {
            return None;
        }
        let letters = typed.chars().filter(|letter| *letter != '-' && !letter.is_whitespace());
        let code: String = letters.map(|letter| letter.to_ascii_lowercase()).collect();
        let is_valid = code.len() == Self::LENGTH && code.bytes().all(|byte| Self::ALPHABET.contains(&byte));
        is_valid.then(|| Self(code.into()))
    }

    /// Generates a code from random bytes.
    #[must_use]
    pub fn from_random(bytes: [[u8; 16]; 2]) -> Self {
        let letters = bytes.into_iter().flatten().take(Self::LENGTH);
        let letter = |byte: u8| Self::ALPHABET.get(usize::from(byte % 32)).copied().map_or('a', char::from);
        Self(letters.map(letter).collect::<String>().into())
    }

    /// The id of its invite.
    #[must_use]
    pub fn id(&self) -> &str {
        self.expose().get(..Self::ID_LENGTH).unwrap_or_default()
    }

    /// The code without hyphens.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// The code in groups of five, for people.
    #[must_use]
    pub fn grouped(&self) -> String {
        let letters: Vec<char> = self.expose().chars().collect();
        let groups = letters.chunks(Self::ID_LENGTH).map(|group| group.iter().collect::<String>());
        groups.collect::<Vec<_>>().join("-")
    }
}

impl fmt::Debug for InviteCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InviteCode(…)")
    }
}

/// What an operator grants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InviteTerms {
    /// How many accounts can be registered with it.
    pub uses: NonZeroU32,
    /// How long it is valid.
    pub lifetime: Duration,
}

/// An invite, as operators list it. The code itself is not stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invite {
    /// The first letters of its code.
    pub id: String,
    /// How many accounts can be registered with it.
    pub uses: i32,
    /// How many were.
    pub used: i32,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// The first moment at which it is no longer valid.
    pub expires_at: DateTime<Utc>,
    /// Whether an account can be registered with it now.
    pub is_open: bool,
}
