//! State of a live socket, and when something is due.

use std::time::Duration;

use actix_web::rt::time::Instant;
use domain::realtime::SentState;

use super::identity::Identity;

/// How long before its end a token's life is announced to end.
const EXPIRING: Duration = Duration::from_secs(60);
/// The longest time that an authentication rests before the end of its token is announced.
const REST: Duration = Duration::from_millis(1500);

/// For how long a socket may live by its token.
pub(super) struct TokenLease {
    identity: Identity,
    is_expiry_told: bool,
}

impl TokenLease {
    pub(super) const fn new(identity: Identity) -> Self {
        Self { identity, is_expiry_told: false }
    }

    pub(super) const fn identity(&self) -> Identity {
        self.identity
    }

    /// Whether the token's life has ended.
    pub(super) fn is_over(&self) -> bool {
        self.identity.expires_at <= Instant::now()
    }

    /// When the end of the token's life is to be announced, and after that the end itself.
    pub(super) fn due(&self) -> Instant {
        if self.is_expiry_told { self.identity.expires_at } else { self.announcement() }
    }

    /// How long the token still lives, if that is to be announced now.
    pub(super) fn announce(&mut self) -> Option<Duration> {
        let now = Instant::now();
        if self.is_expiry_told || self.announcement() > now {
            return None;
        }
        self.is_expiry_told = true;
        Some(self.identity.expires_at.saturating_duration_since(now))
    }

    /// A short life rests a little, so that a client that renews its token at once does not do so without a pause.
    fn announcement(&self) -> Instant {
        let Identity { expires_at, life, .. } = self.identity;
        let rest = REST.min(life / 2);
        expires_at.checked_sub(EXPIRING.min(life.saturating_sub(rest))).unwrap_or(expires_at)
    }
}

/// What changes in the life of a live socket.
pub(super) struct Live {
    pub(super) lease: TokenLease,
    pub(super) sent: SentState,
    pub(super) tells_cursor: bool,
    pub(super) next_tick: Instant,
}

impl Live {
    /// When something is due.
    pub(super) fn due(&self) -> Instant {
        self.next_tick.min(self.lease.due())
    }
}

#[cfg(test)]
mod tests {
    use actix_web::rt::time::sleep;
    use domain::auth::Caller;
    use domain::id::SessionId;
    use domain::realtime::ReadPoint;
    use domain::testing::user;
    use uuid::Uuid;

    use super::*;

    fn lease(seconds: u64) -> TokenLease {
        let (life, session_id) = (Duration::from_secs(seconds), SessionId::from_uuid(Uuid::from_u128(7)));
        let caller = Caller { user_id: user(1), session_id };
        TokenLease::new(Identity { caller, expires_at: Instant::now() + life, life })
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_a_token_is_announced_once_and_then_comes() {
        let begin = Instant::now();
        for (life, announced) in [(600, 540_000), (30, 1500), (2, 1000)] {
            assert_eq!(lease(life).due() - begin, Duration::from_millis(announced), "{life}");
        }
        let mut lease = lease(600);
        assert_eq!(lease.announce(), None);
        sleep(Duration::from_secs(541)).await;
        assert_eq!(lease.announce(), Some(Duration::from_secs(59)));
        assert_eq!((lease.announce(), lease.due() - begin), (None, Duration::from_secs(600)));
        assert!(!lease.is_over());
        sleep(Duration::from_secs(59)).await;
        assert!(lease.is_over());
    }

    #[tokio::test(start_paused = true)]
    async fn of_the_tick_and_the_end_of_the_token_the_earlier_is_due() {
        let begin = Instant::now();
        let sent = SentState::at(ReadPoint::of_snapshot(Uuid::from_u128(5), 9, Vec::new()));
        let next_tick = begin + Duration::from_secs(25);
        let mut live = Live { lease: lease(30), sent, tells_cursor: true, next_tick };
        assert_eq!(live.due() - begin, Duration::from_millis(1500));
        sleep(Duration::from_secs(2)).await;
        assert!(live.lease.announce().is_some());
        assert_eq!(live.due(), next_tick);
        live.next_tick += Duration::from_secs(25);
        assert_eq!(live.due() - begin, Duration::from_secs(30));
    }
}
