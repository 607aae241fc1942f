use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use secrecy::SecretString;

use super::{
    AccessClaims, AttemptResult, Caller, DeviceName, EndReason, IdempotencyKey, RefreshClaims, RefreshPolicy,
    Session, SessionPage, SessionPageRequest, ThrottleKey,
};
use crate::error::PortError;
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
pub struct RefreshAttempt {
    /// What the token says.
    pub claims: RefreshClaims,
    /// What the client calls this try by, if anything.
    pub key: Option<IdempotencyKey>,
    /// The settings.
    pub policy: RefreshPolicy,
}

/// What came of showing a refresh token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RotateOutcome {
    /// The session has moved on by one generation.
    Rotated(Session),
    /// The session had moved on by this very try; it stands where it stood then.
    Replayed(Session),
    /// The token was used a moment ago; the session lives.
    Reused,
    /// The token was used long ago; the session was ended by this call.
    Stolen,
    /// The session is not there, over, or not this user's.
    Over,
}

/// How long a session is open that nobody ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLimits {
    /// After it was opened.
    pub life: Duration,
    /// After its tokens were renewed last.
    pub idle: Duration,
}

/// A new password for the caller, whose old one was verified.
#[derive(Debug, Clone)]
pub struct PasswordChange {
    /// Whose password, and by which session.
    pub caller: Caller,
    /// The hash that the old password was checked against.
    pub verified_hash: PasswordHash,
    /// The new password's hash.
    pub new_hash: PasswordHash,
}

/// What came of a change of the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PasswordChangeOutcome {
    /// The new password is in force.
    Changed {
        /// The caller's session, one generation further.
        session: Session,
        /// All others of the account, which this call has ended.
        ended: Vec<SessionId>,
    },
    /// The old password was changed meanwhile.
    OtherPassword,
    /// The account or the caller's session is over.
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
    async fn open(&self, session: &NewSession) -> Result<Option<Session>, PortError>;

    /// Moves a session on to its next generation if [`super::decide_refresh`] says so by the database's clock.
    ///
    /// MUST let exactly one of several concurrent calls with the same token win (and repeat its outcome to those that
    /// are the same try), and MUST end the session on theft.
    ///
    /// # Errors
    /// Below the port.
    async fn rotate(&self, order: &RefreshAttempt) -> Result<RotateOutcome, PortError>;

    /// Ends a session of `owner`. Is false when there is no such session, or it is over already.
    ///
    /// # Errors
    /// Below the port.
    async fn end(&self, session: SessionId, owner: UserId, reason: EndReason) -> Result<bool, PortError>;

    /// Ends all sessions of the caller's account but the caller's own, and tells which. None, when the caller's own is over:
    /// of several that end each other at once, MUST leave one.
    ///
    /// # Errors
    /// Below the port.
    async fn end_others(&self, caller: Caller) -> Result<Vec<SessionId>, PortError>;

    /// The sessions of `owner` that are open, newest first.
    ///
    /// # Errors
    /// Below the port.
    async fn list(
        &self,
        owner: UserId,
        open_for: SessionLimits,
        page: &SessionPageRequest,
    ) -> Result<SessionPage, PortError>;

    /// Whether the caller's session was not ended and the account is active.
    ///
    /// # Errors
    /// Below the port.
    async fn is_open(&self, caller: Caller) -> Result<bool, PortError>;

    /// Changes the password, moves the caller's session on to its next generation and ends all others of the account:
    /// all of it or nothing. MUST hold off sessions that are opened with the old password meanwhile.
    ///
    /// # Errors
    /// Below the port.
    async fn change_password(&self, change: &PasswordChange) -> Result<PasswordChangeOutcome, PortError>;
}

/// Whether a guess is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It is, and it was counted as a failure.
    Admitted,
    /// It is not; one may try again later.
    Refused {
        /// How long to wait.
        retry_after: Duration,
    },
}

/// Counts the failures of those who guess passwords, for all instances together.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
#[async_trait]
pub trait LoginThrottle: Send + Sync {
    /// Counts a guess by each of the keys if [`super::count_guess`] admits it by the database's clock for all of them,
    /// and by none otherwise. MUST NOT admit more of several concurrent guesses than of as many that follow each other.
    ///
    /// # Errors
    /// Below the port.
    async fn count(&self, keys: &[ThrottleKey]) -> Result<Admission, PortError>;

    /// Takes back what was counted by the keys, as [`super::release`] says.
    ///
    /// # Errors
    /// Below the port.
    async fn release(&self, keys: &[ThrottleKey], verdict: AttemptResult) -> Result<(), PortError>;
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
    fn sign_access(&self, claims: &AccessClaims) -> Result<SecretString, PortError>;

    /// Signs a refresh token. The same claims MUST give the same token.
    ///
    /// # Errors
    /// When the signature cannot be made.
    fn sign_refresh(&self, claims: &RefreshClaims) -> Result<SecretString, PortError>;

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

/// What this instance knows of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionStatus {
    /// It has not ended, as of less than a minute ago.
    Open,
    /// It has ended, or its account was disabled.
    Ended,
    /// Nothing was heard of the database for a minute.
    Unknown,
}

/// Knows which sessions have ended whose access tokens could still be good, without asking for each call.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
pub trait EndedSessions: Send + Sync {
    /// Refuses the access tokens of a session that has just been ended. MUST do so from now on.
    fn mark_ended(&self, session: SessionId);

    /// How the session stands. MUST know within a minute what other instances have ended, or that it does not know. MUST
    /// be cheap: it is asked at every call.
    fn status(&self, session: SessionId) -> SessionStatus;
}
