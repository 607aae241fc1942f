//! Authentication: logins, sessions and tokens, and the login throttle.
//!
//! A session is one login on one device. It has short-lived access tokens and rotating refresh tokens with reuse
//! detection, see [`decide_refresh`].

mod error;
mod login;
mod model;
mod ports;
mod refresh;
mod service;
#[cfg(test)]
mod tests;
mod throttle;
mod tokens;

pub use error::SessionError;
pub use login::Login;
pub use model::{
    AccessClaims, Caller, DeviceName, EndReason, Generation, IdempotencyKey, IssuedTokens, LoggedIn,
    OpenSession, RefreshClaims, Session, SessionCursor, SessionPage, SessionPageRequest, TokenLifetimes,
};
pub use ports::{
    Admission, EndedSessions, LoginThrottle, NewSession, PasswordChange, PasswordChangeOutcome,
    RefreshAttempt, RotateOutcome, SessionLimits, SessionRepository, SessionStatus, TokenCodec, TokenRefusal,
};
#[cfg(any(test, feature = "test-support"))]
pub use ports::{MockEndedSessions, MockLoginThrottle, MockSessionRepository, MockTokenCodec};
pub use refresh::{RefreshDecision, RefreshPolicy, SessionState, decide_refresh};
pub use service::{Registration, SessionPorts, SessionService};
pub use throttle::{
    AttemptResult, ClientAddress, EnteredIdentifier, FailureRecord, ThrottleKey, count_attempt, release,
};
pub use tokens::Authentication;
