//! Sessions, tokens and their claims.

use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::SecretString;

use crate::account::User;
use crate::answer_size::AnswerItem;
use crate::error::{InvalidValue, Rule};
use crate::id::{SessionId, UserId};
use crate::page::{Page, PageKey, PageRequest};

/// The number of refreshes of a session. A refresh token is valid for one generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Generation(i32);

impl Generation {
    /// The generation of a new session.
    pub const FIRST: Self = Self(0);

    /// Wraps a number from the database or a token.
    #[must_use]
    pub const fn new(number: i32) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> i32 {
        self.0
    }

    /// The generation after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The distance from `self` to the later generation `newer`; `None` if `self` is later.
    #[must_use]
    pub fn behind(self, newer: Self) -> Option<usize> {
        newer.0.checked_sub(self.0).and_then(|difference| usize::try_from(difference).ok())
    }
}

/// The name of a device in the list of sessions, from the `User-Agent` header: at most 128 characters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeviceName(String);

impl DeviceName {
    const MAX: usize = 128;

    /// Trims an untrusted header, drops control characters and truncates it.
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

/// The client's identifier of a refresh, by which a retry is recognised: 1 to 128 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    const MAX: usize = 128;

    /// Parses a key that a client sent.
    ///
    /// # Errors
    /// [`Rule::Length`] or [`Rule::Characters`].
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        if !(1..=Self::MAX).contains(&text.chars().count()) {
            return Err(InvalidValue::new(Rule::Length { min: 1, max: Self::MAX }));
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidValue::new(Rule::Characters));
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
    /// The account.
    pub user_id: UserId,
    /// The generation whose refresh token is valid.
    pub generation: Generation,
    /// When the generation began, by the database's clock.
    pub refreshed_at: DateTime<Utc>,
    /// When it was opened, by the database's clock.
    pub created_at: DateTime<Utc>,
}

/// An open session, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenSession {
    /// The session's id.
    pub id: SessionId,
    /// The device name for display.
    pub device: DeviceName,
    /// When it was opened, by the database's clock.
    pub created_at: DateTime<Utc>,
    /// When its tokens were last issued.
    pub last_used_at: DateTime<Utc>,
}

impl AnswerItem for OpenSession {
    const OTHER_BYTES: usize = 220;

    fn visit_texts(&self, visit: &mut dyn FnMut(&str)) {
        visit(self.device.as_str());
    }
}

/// The sort key of the list of open sessions, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionCursor {
    /// When it was opened.
    pub created_at: DateTime<Utc>,
    /// The tie-breaker.
    pub id: SessionId,
}

impl PageKey for SessionCursor {
    const MAX_ROWS: i64 = 1000;
}

/// A page of the list of open sessions.
pub type SessionPage = Page<OpenSession, SessionCursor>;
/// The request for a page of the list of open sessions.
pub type SessionPageRequest = PageRequest<SessionCursor>;

/// Why a session was ended. It is stored for investigations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// Its owner logged out.
    Logout,
    /// Its owner ended it from another session.
    EndedByOwner,
    /// Its owner changed the password in another session.
    PasswordChange,
    /// A used refresh token was presented again after the grace period.
    RefreshTokenTheft,
    /// The account was erased.
    AccountErased,
    /// The account was disabled.
    AccountDisabled,
    /// An operator reset the account's password.
    PasswordReset,
    /// An operator ended it.
    EndedByOperator,
    /// The account logged in once more than it may have sessions, and this one was unused the longest.
    Displaced,
}

impl EndReason {
    /// The reason's name in the database and in the audit log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::EndedByOwner => "ended_by_owner",
            Self::PasswordChange => "password_change",
            Self::RefreshTokenTheft => "refresh_token_theft",
            Self::AccountErased => "account_erased",
            Self::AccountDisabled => "account_disabled",
            Self::PasswordReset => "password_reset",
            Self::EndedByOperator => "ended_by_operator",
            Self::Displaced => "displaced",
        }
    }
}

/// Lifetimes of tokens and sessions. `session_max` and `reuse_grace` are measured by the database's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenLifetimes {
    /// Lifetime of an access token.
    pub access: Duration,
    /// Lifetime of an unused refresh token.
    pub refresh: Duration,
    /// Maximum lifetime of a session; refreshing does not extend it.
    pub session_max: Duration,
    /// Grace period in which reuse of a refresh token is not treated as theft.
    pub reuse_grace: Duration,
}

/// The claims of an access token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessClaims {
    /// The account.
    pub user_id: UserId,
    /// The session.
    pub session_id: SessionId,
    /// When it was signed.
    pub issued_at: DateTime<Utc>,
    /// The first instant at which the token is expired.
    pub expires_at: DateTime<Utc>,
}

/// The claims of a refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshClaims {
    /// The account.
    pub user_id: UserId,
    /// The session to refresh.
    pub session_id: SessionId,
    /// The generation for which the token is valid.
    pub generation: Generation,
    /// When the generation began.
    pub issued_at: DateTime<Utc>,
    /// The first instant at which the token is expired.
    pub expires_at: DateTime<Utc>,
}

/// The authenticated account and session of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// The account.
    pub user_id: UserId,
    /// The session of the access token.
    pub session_id: SessionId,
}

/// A new pair of tokens.
#[derive(Debug, Clone)]
pub struct IssuedTokens {
    /// Authenticates requests.
    pub access: SecretString,
    /// Exchanged once for the next pair.
    pub refresh: SecretString,
    /// Remaining lifetime of the access token.
    pub expires_in: Duration,
}

/// The result of a login or registration.
#[derive(Debug, Clone)]
pub struct LoggedIn {
    /// The account.
    pub user: User,
    /// The first pair of tokens of the new session.
    pub tokens: IssuedTokens,
}
