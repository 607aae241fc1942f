//! Authentication of a socket: the account and the session that it belongs to.

use std::time::Duration;

use actix_web::rt::time::Instant;
use domain::auth::{Authentication, Caller, SessionError};

use super::farewell::Farewell;
use crate::state::UseCases;

/// Who a socket belongs to, and for how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Identity {
    pub(super) caller: Caller,
    pub(super) expires_at: Instant,
    pub(super) life: Duration,
}

/// The caller of a token, whose session is open.
pub(super) async fn identify(use_cases: &UseCases, token: &str) -> Result<Identity, Farewell> {
    let (authentication, life) =
        use_cases.sessions.authenticate_for(token).map_err(|error| refusal(&error))?;
    let caller = match authentication {
        Authentication::Verified(caller) => caller,
        Authentication::NeedsLookup(caller) => {
            use_cases.sessions.confirm(caller).await.map_err(|error| refusal(&error))?
        }
    };
    Ok(Identity { caller, expires_at: Instant::now() + life, life })
}

const fn refusal(error: &SessionError) -> Farewell {
    match error {
        SessionError::SessionEnded => Farewell::SessionEnded,
        SessionError::Port(_) => Farewell::Overloaded,
        _ => Farewell::Unauthenticated,
    }
}
