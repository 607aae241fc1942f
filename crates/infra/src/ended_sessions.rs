//! The sessions that were ended on this instance, as long as an access token of theirs could still be good.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::id::SessionId;
use domain::session::EndedSessions;

/// Remembers ended sessions in memory.
#[derive(Debug)]
pub struct EndedSessionsInMemory {
    access_token_life: TimeDelta,
    until: RwLock<HashMap<SessionId, DateTime<Utc>>>,
}

impl EndedSessionsInMemory {
    /// Remembers nothing yet; access tokens are good for `access_token_life`.
    #[must_use]
    pub fn new(access_token_life: Duration) -> Self {
        let access_token_life = TimeDelta::from_std(access_token_life).unwrap_or(TimeDelta::MAX);
        Self { access_token_life, until: RwLock::default() }
    }
}

impl EndedSessions for EndedSessionsInMemory {
    fn remember(&self, session: SessionId, until: DateTime<Utc>) {
        let mut ended = self.until.write().unwrap_or_else(PoisonError::into_inner);
        // What expired by the time of this call has nothing left to be remembered for.
        if let Some(now) = until.checked_sub_signed(self.access_token_life) {
            ended.retain(|_, until| *until > now);
        }
        ended.insert(session, until);
    }

    fn contains(&self, session: SessionId, now: DateTime<Utc>) -> bool {
        let until = self.until.read().unwrap_or_else(PoisonError::into_inner).get(&session).copied();
        until.is_some_and(|until| until > now)
    }
}

#[cfg(test)]
mod tests {
    use domain::testing::at;
    use uuid::Uuid;

    use super::*;

    const LIFE: Duration = Duration::from_secs(600);

    fn session(number: u128) -> SessionId {
        SessionId::from_uuid(Uuid::from_u128(number))
    }

    #[test]
    fn an_ended_session_is_remembered_until_its_last_token_expires() {
        let ended = EndedSessionsInMemory::new(LIFE);
        assert!(!ended.contains(session(1), at(0)));
        ended.remember(session(1), at(600));
        assert!(ended.contains(session(1), at(599)));
        assert!(!ended.contains(session(1), at(600)));
        assert!(!ended.contains(session(2), at(0)));
    }

    #[test]
    fn what_has_expired_is_forgotten_when_another_session_ends() {
        let ended = EndedSessionsInMemory::new(LIFE);
        ended.remember(session(1), at(600));
        ended.remember(session(2), at(1199));
        assert_eq!(ended.until.read().unwrap().len(), 2);
        ended.remember(session(3), at(1200));
        assert_eq!(ended.until.read().unwrap().len(), 2);
        assert!(ended.contains(session(2), at(600)) && ended.contains(session(3), at(600)));
    }
}
