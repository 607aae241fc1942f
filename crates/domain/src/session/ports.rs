use async_trait::async_trait;
use chrono::{DateTime, Utc};
use secrecy::SecretString;

use super::{AccessClaims, DeviceName, EndReason, RefreshClaims, RefreshPolicy, Session};
use crate::error::RepositoryError;
use crate::id::{SessionId, UserId};
use crate::user::PasswordHash;

/// A session to be opened.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// Whose it will be.
    pub user_id: UserId,
    /// The hash that the password was checked against.
    pub verified_hash: PasswordHash,
    /// What its owner will recognise it by.
    pub device: DeviceName,
}

/// A refresh token that was shown, and the settings to judge it by.
#[derive(Debug, Clone)]
pub struct RotateOrder {
    /// What the token says.
    pub claims: RefreshClaims,
    /// The settings.
    pub policy: RefreshPolicy,
}

/// What came of showing a refresh token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RotateOutcome {
    /// The session has moved on by one generation.
    Rotated(Session),
    /// The token was used a moment ago; the session lives.
    Reused,
    /// The token was used long ago; the session was ended by this call.
    Stolen,
    /// The session is not there, over, or not this user's.
    Over,
}

/// Keeps the sessions.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
#[async_trait]
pub trait SessionRepository: Send + Sync {
    /// Opens a session. MUST be none when the account is not active any more or its password is not the verified one.
    ///
    /// # Errors
    /// Below the port.
    async fn open(&self, session: &NewSession) -> Result<Option<Session>, RepositoryError>;

    /// Moves a session on to its next generation if [`super::decide_refresh`] says so by the database's clock.
    ///
    /// MUST let exactly one of several concurrent calls with the same token win, and MUST end the session on theft.
    ///
    /// # Errors
    /// Below the port.
    async fn rotate(&self, order: &RotateOrder) -> Result<RotateOutcome, RepositoryError>;

    /// Ends a session of `owner`. Ending one that is over changes nothing.
    ///
    /// # Errors
    /// Below the port.
    async fn end(&self, session: SessionId, owner: UserId, reason: EndReason) -> Result<(), RepositoryError>;
}

/// Why a token is refused before any session is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenRefusal {
    /// Malformed, forged, or of the wrong kind.
    Invalid,
    /// Its time is over.
    Expired,
}

/// Signs and reads tokens.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
pub trait TokenCodec: Send + Sync {
    /// Signs an access token.
    ///
    /// # Errors
    /// When the signature cannot be made.
    fn sign_access(&self, claims: &AccessClaims) -> Result<SecretString, RepositoryError>;

    /// Signs a refresh token. The same claims MUST give the same token.
    ///
    /// # Errors
    /// When the signature cannot be made.
    fn sign_refresh(&self, claims: &RefreshClaims) -> Result<SecretString, RepositoryError>;

    /// Reads an access token. MUST refuse refresh tokens and every algorithm but its own.
    ///
    /// # Errors
    /// Why the token is refused at the time `now`.
    fn read_access(&self, token: &str, now: DateTime<Utc>) -> Result<AccessClaims, TokenRefusal>;

    /// Reads a refresh token. MUST refuse access tokens and every algorithm but its own.
    ///
    /// # Errors
    /// Why the token is refused at the time `now`.
    fn read_refresh(&self, token: &str, now: DateTime<Utc>) -> Result<RefreshClaims, TokenRefusal>;
}

/// Remembers, on this instance, which sessions were ended, so that their access tokens are refused at once.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
pub trait EndedSessions: Send + Sync {
    /// Refuses the session's access tokens from now on; none of them is good after `until`.
    fn remember(&self, session: SessionId, until: DateTime<Utc>);

    /// Whether the session's access tokens are refused at the time `now`.
    fn contains(&self, session: SessionId, now: DateTime<Utc>) -> bool;
}
