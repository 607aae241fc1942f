use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::SecretString;

use crate::error::{InvalidValue, Rule};
use crate::id::{SessionId, UserId};
use crate::page::{Page, PageRequest};
use crate::user::User;

/// How many times a session's tokens were renewed; a refresh token is good for one generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Generation(i32);

impl Generation {
    /// The generation of a session that has just been opened.
    pub const FIRST: Self = Self(0);

    /// Takes a number from where it is kept or was signed.
    #[must_use]
    pub const fn new(number: i32) -> Self {
        Self(number)
    }

    /// The number as it is kept.
    #[must_use]
    pub const fn get(self) -> i32 {
        self.0
    }

    /// The generation after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// How many generations `self` lies behind `newer`; none if it does not.
    #[must_use]
    pub fn behind(self, newer: Self) -> Option<usize> {
        newer.0.checked_sub(self.0).and_then(|difference| usize::try_from(difference).ok())
    }
}

/// What a person recognises a device by, made of the `User-Agent` header: at most 128 characters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeviceName(String);

impl DeviceName {
    const MAX: usize = 128;

    /// Keeps what can be shown of a header that may say anything.
    #[must_use]
    pub fn from_user_agent(header: &str) -> Self {
        Self(header.trim().chars().filter(|character| !character.is_control()).take(Self::MAX).collect())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a client calls its try to refresh by, so that a retry is known for one: 1 to 128 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The header that it is sent in.
    pub const HEADER: &'static str = "Idempotency-Key";
    const MAX: usize = 128;

    /// Checks a key that a client sent.
    ///
    /// # Errors
    /// [`Rule::Length`] or [`Rule::Characters`].
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        if !(1..=Self::MAX).contains(&text.chars().count()) {
            return Err(InvalidValue::new(Self::HEADER, Rule::Length { min: 1, max: Self::MAX }));
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidValue::new(Self::HEADER, Rule::Characters));
        }
        Ok(Self(text.to_owned()))
    }

    /// The key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One login on one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The session's id.
    pub id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// The generation whose refresh token is good now.
    pub generation: Generation,
    /// When that generation began, by the database's clock.
    pub refreshed_at: DateTime<Utc>,
    /// When it was opened, by the database's clock.
    pub created_at: DateTime<Utc>,
}

/// A session that is open, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenSession {
    /// The session's id.
    pub id: SessionId,
    /// What its owner recognises it by.
    pub device: DeviceName,
    /// When it was opened, by the database's clock.
    pub created_at: DateTime<Utc>,
    /// When its tokens were renewed last, or first given.
    pub last_used_at: DateTime<Utc>,
}

/// The sort key of the list of open sessions, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionCursor {
    /// When it was opened.
    pub created_at: DateTime<Utc>,
    /// Which of those opened then.
    pub id: SessionId,
}

/// One page of the list of open sessions.
pub type SessionPage = Page<OpenSession, SessionCursor>;
/// Which page of the list of open sessions.
pub type SessionPageRequest = PageRequest<SessionCursor, 1000>;

/// Why a session was ended; kept for whoever looks into it later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// Its owner logged out.
    Logout,
    /// Its owner ended it from another session.
    EndedByOwner,
    /// Its owner changed the password in another session.
    PasswordChange,
    /// A refresh token was used again after its grace.
    RefreshTokenTheft,
    /// The account was erased.
    AccountErased,
    /// The account was disabled.
    AccountDisabled,
    /// An operator gave the account another password.
    PasswordReset,
    /// An operator ended it.
    EndedByOperator,
}

/// How long things last. The grace and the maximum are judged by the database's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenLifetimes {
    /// An access token.
    pub access: Duration,
    /// A refresh token that is not used.
    pub refresh: Duration,
    /// A session, however often it is refreshed.
    pub session_max: Duration,
    /// How long a used refresh token may come again without being taken for theft.
    pub reuse_grace: Duration,
}

/// What an access token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessClaims {
    /// Who calls.
    pub user_id: UserId,
    /// By which session.
    pub session_id: SessionId,
    /// When it was signed.
    pub issued_at: DateTime<Utc>,
    /// From when on it is refused.
    pub expires_at: DateTime<Utc>,
}

/// What a refresh token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshClaims {
    /// Whose session it is.
    pub user_id: UserId,
    /// Which session it renews.
    pub session_id: SessionId,
    /// The generation that it is good for.
    pub generation: Generation,
    /// When that generation began.
    pub issued_at: DateTime<Utc>,
    /// From when on it is refused.
    pub expires_at: DateTime<Utc>,
}

/// Who calls, as the access token proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// The account.
    pub user_id: UserId,
    /// The session that the token belongs to.
    pub session_id: SessionId,
}

/// A fresh pair of tokens.
#[derive(Debug, Clone)]
pub struct IssuedTokens {
    /// Sent with each call.
    pub access: SecretString,
    /// Good once, to get the next pair.
    pub refresh: SecretString,
    /// How long the access token is good.
    pub expires_in: Duration,
}

/// What a login gives.
#[derive(Debug, Clone)]
pub struct LoggedIn {
    /// Who logged in.
    pub user: User,
    /// The first pair of tokens of the new session.
    pub tokens: IssuedTokens,
}
