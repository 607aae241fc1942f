//! State of a live socket, and when something is due.

use std::time::Duration;

use actix_web::rt::time::Instant;
use domain::realtime::SentState;

use super::identity::Identity;
/// How long before its end a token's life is announced to end.
const EXPIRING: Duration = Duration::from_secs(60);
/// The longest time that an authentication rests before the end of its token is announced.
const REST: Duration = Duration::from_millis(1500);

/// What changes in the life of a live socket.
pub(super) struct Live {
    pub(super) identity: Identity,
    pub(super) sent: SentState,
    pub(super) tells_cursor: bool,
    pub(super) is_expiry_told: bool,
    pub(super) next_tick: Instant,
}

impl Live {
    /// When the end of the token's life is to be announced. A short life rests a little, so that a client that renews its token at
    /// once does not do so without a pause.
    pub(super) fn expiry_due(&self) -> Instant {
        let Identity { expires_at, life, .. } = self.identity;
        let rest = REST.min(life / 2);
        expires_at.checked_sub(EXPIRING.min(life.saturating_sub(rest))).unwrap_or(expires_at)
    }

    /// When something is due.
    pub(super) fn due(&self) -> Instant {
        let ends = if self.is_expiry_told { self.identity.expires_at } else { self.expiry_due() };
        self.next_tick.min(ends)
    }
}
