//! Ports of authentication: the session store, the token codec and the local revocation list.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use secrecy::SecretString;

use super::{
    AccessClaims, Caller, DeviceName, EndReason, RefreshAttempt, RefreshClaims, Session, SessionPage,
    SessionPageRequest,
};
use crate::account::PasswordHash;
use crate::error::PortError;
use crate::id::{SessionId, UserId};

/// A session to open.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// The account.
    pub user_id: UserId,
    /// The hash against which the password was verified.
    pub verified_hash: PasswordHash,
    /// The device name.
    pub device: DeviceName,
    /// The most open sessions of the account, this one included; `None` for no limit.
    pub most_open: Option<NonZeroU32>,
}

/// A session that was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedSession {
    /// The session.
    pub session: Session,
    /// The sessions that were ended for it.
    pub displaced: Vec<SessionId>,
}

impl From<Session> for OpenedSession {
    fn from(session: Session) -> Self {
        Self { session, displaced: Vec::new() }
    }
}

/// The result of a refresh attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RotateOutcome {
    /// The session advanced by one generation.
    Rotated(Session),
    /// This attempt already advanced the session (same idempotency key); the session is unchanged since.
    Replayed(Session),
    /// The token was used within the grace period; the session stays open.
    Reused,
    /// The token was used before the grace period; this call ended the session.
    Stolen,
    /// The session does not exist, is over, or belongs to another account.
    Over,
}

/// How long a session stays open without being ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLimits {
    /// Maximum time since it was opened.
    pub life: Duration,
    /// Maximum time since its tokens were last issued.
    pub idle: Duration,
}

/// A new password for the caller, whose old password was verified.
#[derive(Debug, Clone)]
pub struct PasswordChange {
    /// The account, and the session that stays open.
    pub caller: Caller,
    /// The hash against which the old password was verified.
    pub verified_hash: PasswordHash,
    /// The hash of the new password.
    pub new_hash: PasswordHash,
}

/// The result of a password change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PasswordChangeOutcome {
    /// The password is changed.
    Changed {
        /// The caller's session, one generation further.
        session: Session,
        /// All other sessions of the account, ended by this call.
        ended: Vec<SessionId>,
    },
    /// The old password was changed concurrently.
    OtherPassword,
    /// The account or the caller's session is over.
    Over,
}

/// Stores sessions.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
#[async_trait]
pub trait SessionRepository: Send + Sync {
    /// Opens a session. MUST return `None` if the account is not active or its password hash is not the verified one. MUST end those
    /// other sessions of the account that were unused the longest, if there are more than the limit, also under concurrent logins.
    ///
    /// # Errors
    /// Any `PortError` from the adapter.
    async fn open(&self, session: &NewSession) -> Result<Option<OpenedSession>, PortError>;

    /// Applies [`super::decide_refresh`] to a session by the database's clock.
    ///
    /// Of concurrent calls with one token exactly one MUST advance the session; calls with its idempotency key MUST get
    /// the same result. MUST end the session on theft.
    ///
    /// # Errors
    /// Any `PortError` from the adapter.
    async fn rotate(&self, attempt: &RefreshAttempt) -> Result<RotateOutcome, PortError>;

    /// Ends a session of `owner`. Returns false if it does not exist or is already over.
    ///
    /// # Errors
    /// Any `PortError` from the adapter.
    async fn end(&self, session: SessionId, owner: UserId, reason: EndReason) -> Result<bool, PortError>;

    /// Ends all other sessions of the caller's account and returns them. Does nothing if the caller's own session is
    /// over: of sessions that end each other concurrently, exactly one MUST survive.
    ///
    /// # Errors
    /// Any `PortError` from the adapter.
    async fn end_others(&self, caller: Caller) -> Result<Vec<SessionId>, PortError>;

    /// The open sessions of `owner`, newest first.
    ///
    /// # Errors
    /// Any `PortError` from the adapter.
    async fn list(
        &self,
        owner: UserId,
        limits: SessionLimits,
        page: &SessionPageRequest,
    ) -> Result<SessionPage, PortError>;

    /// Whether the caller's session has not been ended and the account is active.
    ///
    /// # Errors
    /// Any `PortError` from the adapter.
    async fn is_open(&self, caller: Caller) -> Result<bool, PortError>;

    /// Atomically changes the password, advances the caller's session by one generation and ends all other sessions of
    /// the account. MUST exclude concurrent logins with the old password.
    ///
    /// # Errors
    /// Any `PortError` from the adapter.
    async fn change_password(&self, change: &PasswordChange) -> Result<PasswordChangeOutcome, PortError>;
}

/// Why a token is refused without looking at its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenRefusal {
    /// Malformed, forged or of the wrong kind.
    Invalid,
    /// Expired.
    Expired,
}

/// Signs and verifies tokens.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
pub trait TokenCodec: Send + Sync {
    /// Signs an access token.
    ///
    /// # Errors
    /// When signing fails.
    fn sign_access(&self, claims: &AccessClaims) -> Result<SecretString, PortError>;

    /// Signs a refresh token. MUST be deterministic, so that a replayed refresh returns the same token.
    ///
    /// # Errors
    /// When signing fails.
    fn sign_refresh(&self, claims: &RefreshClaims) -> Result<SecretString, PortError>;

    /// Verifies an access token. MUST refuse refresh tokens and every other algorithm.
    ///
    /// # Errors
    /// Why the token is refused at `now`.
    fn read_access(&self, token: &str, now: DateTime<Utc>) -> Result<AccessClaims, TokenRefusal>;

    /// Verifies a refresh token. MUST refuse access tokens and every other algorithm.
    ///
    /// # Errors
    /// Why the token is refused at `now`.
    fn read_refresh(&self, token: &str, now: DateTime<Utc>) -> Result<RefreshClaims, TokenRefusal>;
}

/// This instance's knowledge about a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionStatus {
    /// Open as of at most a minute ago.
    Open,
    /// Ended, or its account is disabled.
    Ended,
    /// The last successful poll of the database is over a minute ago.
    Unknown,
}

/// A local revocation list: the ended sessions whose access tokens have not expired yet, without a query per request.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
pub trait EndedSessions: Send + Sync {
    /// Adds a session that was just ended. MUST take effect immediately.
    fn mark_ended(&self, session: SessionId);

    /// The status of a session. MUST reflect what other instances ended within a minute, or be `Unknown`. MUST be
    /// cheap, because every request asks it.
    fn status(&self, session: SessionId) -> SessionStatus;

    /// Sets who learns of sessions as soon as their end is known here; the first one stays.
    fn tell(&self, audience: Arc<dyn EndAudience>);
}

/// Those who are connected for a session.
pub trait EndAudience: Send + Sync {
    /// These sessions have ended. MUST NOT wait.
    fn ended(&self, sessions: &[SessionId]);
}
