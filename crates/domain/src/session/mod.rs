//! Sessions: one login on one device, with tokens that are renewed by turns.

mod error;
mod model;
mod ports;
mod refresh;
mod service;
#[cfg(test)]
mod tests;

pub use error::SessionError;
pub use model::{
    AccessClaims, Caller, DeviceName, EndReason, Generation, IssuedTokens, LoggedIn, RefreshClaims, Session,
    TokenLifetimes,
};
pub use ports::{
    EndedSessions, NewSession, RotateOrder, RotateOutcome, SessionRepository, TokenCodec, TokenRefusal,
};
#[cfg(any(test, feature = "test-support"))]
pub use ports::{MockEndedSessions, MockSessionRepository, MockTokenCodec};
pub use refresh::{RefreshDecision, RefreshPolicy, decide_refresh};
pub use service::{Registration, SessionPorts, SessionService};
