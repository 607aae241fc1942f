//! Refusals of logins, tokens and sessions.

use std::time::Duration;

use super::TokenRefusal;
use crate::error::{PortError, domain_error};

/// Refusals of login, tokens and sessions.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// No account matches, or the password is wrong. The response does not reveal which.
    #[error("no account matches these credentials")]
    InvalidCredentials,
    /// Too many wrong passwords; the next attempt is allowed after this time.
    #[error("too many attempts")]
    TooManyAttempts(Duration),
    /// The token is malformed, forged or of the wrong kind.
    #[error("the token is not valid")]
    InvalidToken,
    /// The token has expired.
    #[error("the token has expired")]
    TokenExpired,
    /// The session was ended.
    #[error("the session has ended")]
    SessionEnded,
    /// The refresh token was already used.
    #[error("the refresh token was already used")]
    RefreshTokenReused,
    /// The new password is the uid or the name of the account.
    #[error("the password is the uid or the name")]
    PasswordIsIdentity,
    /// No open session of the caller's account has this id.
    #[error("there is no such session")]
    UnknownSession,
    /// A port failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

domain_error!(SessionError {
    InvalidCredentials => Unauthenticated, "invalid_credentials";
    TooManyAttempts(retry_after) => Throttled, "too_many_attempts";
    InvalidToken => Unauthenticated, "invalid_token";
    TokenExpired => Unauthenticated, "token_expired";
    SessionEnded => Unauthenticated, "session_ended";
    RefreshTokenReused => Conflict, "refresh_token_reused";
    PasswordIsIdentity => Invalid, "invalid_field";
    UnknownSession => Invalid, "unknown_session";
});

impl From<TokenRefusal> for SessionError {
    fn from(refusal: TokenRefusal) -> Self {
        match refusal {
            TokenRefusal::Invalid => Self::InvalidToken,
            TokenRefusal::Expired => Self::TokenExpired,
        }
    }
}
