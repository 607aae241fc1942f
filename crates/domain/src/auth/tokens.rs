//! Tokens: issuing, refreshing and verifying.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    AccessClaims, Caller, EndAudience, IdempotencyKey, IssuedTokens, RefreshAttempt, RefreshClaims,
    RefreshPolicy, RotateOutcome, Session, SessionError, SessionService, SessionStatus,
};
use crate::audit::{AuditEvent, AuditRecord};
use crate::error::PortError;

/// The caller of a valid access token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authentication {
    /// The session is open.
    Verified(Caller),
    /// The session may have ended; [`SessionService::confirm`] asks the database.
    NeedsLookup(Caller),
}

impl SessionService {
    /// How long a retry with the same idempotency key gets the same tokens.
    const RETRY_WINDOW: Duration = Duration::from_secs(60);

    /// Verifies a refresh token.
    ///
    /// # Errors
    /// [`SessionError::InvalidToken`], [`SessionError::TokenExpired`].
    pub fn read_refresh_token(&self, token: &str) -> Result<RefreshClaims, SessionError> {
        Ok(self.ports.tokens.read_refresh(token, self.ports.clock.now())?)
    }

    /// Exchanges a refresh token for the next pair of tokens. A retry with the same idempotency key gets the same pair
    /// until the refresh token of that pair is used.
    ///
    /// # Errors
    /// [`SessionError::SessionEnded`]; [`SessionError::RefreshTokenReused`] for a used token.
    pub async fn refresh(
        &self,
        claims: RefreshClaims,
        key: Option<IdempotencyKey>,
    ) -> Result<IssuedTokens, SessionError> {
        let policy = RefreshPolicy {
            reuse_grace: self.lifetimes.reuse_grace,
            session_max: self.lifetimes.session_max,
            retry_window: Self::RETRY_WINDOW,
        };
        match self.ports.sessions.rotate(&RefreshAttempt { claims, key, policy }).await? {
            RotateOutcome::Rotated(session) | RotateOutcome::Replayed(session) => Ok(self.issue(&session)?),
            RotateOutcome::Reused => Err(SessionError::RefreshTokenReused),
            RotateOutcome::Stolen => {
                self.ports.ended.mark_ended(claims.session_id);
                let stolen = AuditRecord::of(AuditEvent::RefreshTokenStolen).account(claims.user_id);
                self.audit(stolen.in_session(claims.session_id));
                Err(SessionError::RefreshTokenReused)
            }
            RotateOutcome::Over => Err(SessionError::SessionEnded),
        }
    }

    /// Authenticates a request by its access token.
    ///
    /// # Errors
    /// [`SessionError::InvalidToken`], [`SessionError::TokenExpired`], [`SessionError::SessionEnded`].
    pub fn authenticate(&self, access_token: &str) -> Result<Authentication, SessionError> {
        let claims = self.ports.tokens.read_access(access_token, self.ports.clock.now())?;
        let caller = Caller { user_id: claims.user_id, session_id: claims.session_id };
        match self.ports.ended.status(claims.session_id) {
            SessionStatus::Open => Ok(Authentication::Verified(caller)),
            SessionStatus::Unknown => Ok(Authentication::NeedsLookup(caller)),
            SessionStatus::Ended => Err(SessionError::SessionEnded),
        }
    }

    /// As [`SessionService::authenticate`], with the rest of the token's life, for a caller who stays connected.
    ///
    /// # Errors
    /// As [`SessionService::authenticate`].
    pub fn authenticate_for(&self, access_token: &str) -> Result<(Authentication, Duration), SessionError> {
        let now = self.ports.clock.now();
        let claims = self.ports.tokens.read_access(access_token, now)?;
        let left = claims.expires_at.signed_duration_since(now).to_std().unwrap_or_default();
        Ok((self.authenticate(access_token)?, left))
    }

    /// Whether the session of a caller who stays connected is known to have ended. Asks no database.
    #[must_use]
    pub fn has_ended(&self, caller: Caller) -> bool {
        self.ports.ended.status(caller.session_id) == SessionStatus::Ended
    }

    /// Sets who learns of sessions as soon as their end is known here; the first one stays.
    pub fn tell_of_ends(&self, audience: Arc<dyn EndAudience>) {
        self.ports.ended.tell(audience);
    }

    /// Asks the database whether the session of an unconfirmed caller is open.
    ///
    /// # Errors
    /// [`SessionError::SessionEnded`].
    pub async fn confirm(&self, unconfirmed: Caller) -> Result<Caller, SessionError> {
        let open = self.ports.sessions.is_open(unconfirmed).await?;
        if open { Ok(unconfirmed) } else { Err(SessionError::SessionEnded) }
    }

    /// Signs the tokens of the session's current generation. The result is the same at any time and on any instance,
    /// which makes retries idempotent. Neither token outlives the session, which refreshing does not extend.
    pub(crate) fn issue(&self, session: &Session) -> Result<IssuedTokens, PortError> {
        let session_over = later(session.created_at, self.lifetimes.session_max);
        let expires_at = |life| later(session.refreshed_at, life).min(session_over);
        let access = AccessClaims {
            user_id: session.user_id,
            session_id: session.id,
            issued_at: session.refreshed_at,
            expires_at: expires_at(self.lifetimes.access),
        };
        let left = access.expires_at.signed_duration_since(self.ports.clock.now());
        let refresh = RefreshClaims {
            user_id: session.user_id,
            session_id: session.id,
            generation: session.generation,
            issued_at: session.refreshed_at,
            expires_at: expires_at(self.lifetimes.refresh),
        };
        Ok(IssuedTokens {
            expires_in: self.lifetimes.access.min(whole_seconds(left)),
            access: self.ports.tokens.sign_access(&access)?,
            refresh: self.ports.tokens.sign_refresh(&refresh)?,
        })
    }
}

/// `time` plus `duration`, saturating.
fn later(time: DateTime<Utc>, duration: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(duration)
        .ok()
        .and_then(|duration| time.checked_add_signed(duration))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// Rounds up to whole seconds, so that a new token has its full lifetime.
fn whole_seconds(left: TimeDelta) -> Duration {
    let left = left.to_std().unwrap_or_default();
    Duration::from_secs(left.as_secs().saturating_add(u64::from(left.subsec_nanos() > 0)))
}
