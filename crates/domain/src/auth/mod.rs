//! Authentication: logins, sessions and tokens.
//!
//! A session is one login on one device. It has short-lived access tokens and rotating refresh tokens with reuse
//! detection, see [`decide_refresh`].

mod error;
mod login;
mod model;
mod password_check;
mod ports;
mod refresh;
mod service;
#[cfg(test)]
pub(crate) mod tests;
mod tokens;

pub use error::SessionError;
pub use login::Login;
pub use model::{
    AccessClaims, Caller, DeviceName, EndReason, Generation, IdempotencyKey, IssuedTokens, LoggedIn,
    OpenSession, RefreshClaims, Session, SessionCursor, SessionPage, SessionPageRequest, TokenLifetimes,
};
pub use ports::{
    EndAudience, EndedSessions, NewSession, OpenedSession, PasswordChange, PasswordChangeOutcome,
    RotateOutcome, SessionLimits, SessionRepository, SessionStatus, TokenCodec, TokenRefusal,
};
#[cfg(any(test, feature = "test-support"))]
pub use ports::{MockEndedSessions, MockSessionRepository, MockTokenCodec};
pub use refresh::{RefreshAttempt, RefreshDecision, RefreshPolicy, SessionState, decide_refresh};
pub use service::{SessionPorts, SessionService};
pub use tokens::Authentication;
