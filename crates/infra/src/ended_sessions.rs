//! The sessions that have ended, on whatever instance, as long as an access token of theirs could still be good.
//!
//! A thread asks the database every few seconds for all of them, not only for those that are new: a session may be marked as
//! ended long before its transaction commits. Between two questions no call costs the database anything. When the database
//! has not answered for a minute, nothing is sure any more and each call has to ask for itself.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, bounded};
use domain::auth::{EndedSessions, SessionStatus};
use domain::id::SessionId;

use crate::clock::DatabaseClock;
use crate::db::{Connections, Db};
use crate::postgres::recently_ended;

/// How often the database is asked.
const INTERVAL: Duration = Duration::from_secs(3);
/// How old an answer may be.
const FRESH: Duration = Duration::from_secs(60);
/// How long a session may be marked as ended before that is committed, and how far clocks may be apart.
const SLACK: Duration = Duration::from_secs(60);

/// Knows the ended sessions from memory.
pub struct EndedSessionsInMemory {
    known: Arc<RwLock<Known>>,
    /// The thread ends when this is dropped.
    _running: Sender<()>,
}

impl EndedSessionsInMemory {
    /// Connections that the thread needs of the pool's reserve.
    pub const CONNECTIONS: u32 = 1;

    /// Starts the thread that asks; access tokens are good for `access_token_life`. It asks for the time too, so that
    /// `clock` stays right.
    ///
    /// # Errors
    /// When the system starts no more threads.
    pub fn start(db: &Db, access_token_life: Duration, clock: Arc<DatabaseClock>) -> std::io::Result<Self> {
        let known = Arc::<RwLock<Known>>::default();
        let (running, stop) = bounded(0);
        let window = access_token_life.saturating_add(SLACK);
        let poll = Poll { known: Arc::clone(&known), connections: db.connections(), clock, window, stop };
        std::thread::Builder::new().name("ended-sessions".to_owned()).spawn(move || poll.run())?;
        Ok(Self { known, _running: running })
    }
}

impl EndedSessions for EndedSessionsInMemory {
    fn mark_ended(&self, session: SessionId) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.here.insert(session, Instant::now());
    }

    fn status(&self, session: SessionId) -> SessionStatus {
        self.known.read().unwrap_or_else(PoisonError::into_inner).status(session, Instant::now())
    }
}

#[derive(Default)]
struct Known {
    /// What the database said.
    everywhere: HashSet<SessionId>,
    /// When it was asked; none before its first answer.
    asked_at: Option<Instant>,
    /// What was ended here, and when, since the database was asked.
    here: HashMap<SessionId, Instant>,
}

impl Known {
    fn status(&self, session: SessionId, now: Instant) -> SessionStatus {
        let fresh = |asked_at| now.saturating_duration_since(asked_at) <= FRESH;
        if self.everywhere.contains(&session) || self.here.contains_key(&session) {
            SessionStatus::Ended
        } else if self.asked_at.is_some_and(fresh) {
            SessionStatus::Open
        } else {
            SessionStatus::Unknown
        }
    }

    /// Takes the answer to a question that was asked then.
    /// Returns what was known before.
    fn learn(&mut self, ended: HashSet<SessionId>, asked_at: Instant) -> HashSet<SessionId> {
        // What was ended here before is among the answers, for as long as it matters.
        self.here.retain(|_, ended_at| *ended_at >= asked_at);
        self.asked_at = Some(asked_at);
        std::mem::replace(&mut self.everywhere, ended)
    }
}

/// The thread that asks.
struct Poll {
    known: Arc<RwLock<Known>>,
    connections: Connections,
    clock: Arc<DatabaseClock>,
    window: Duration,
    stop: Receiver<()>,
}

impl Poll {
    fn run(&self) {
        let mut failing = false;
        loop {
            failing = !self.ask(failing);
            if self.stop.recv_timeout(INTERVAL) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        }
    }

    /// Asks once. Is false without an answer; the log is told of the first failure in a row only.
    fn ask(&self, failing: bool) -> bool {
        let asked_at = Instant::now();
        let answer = self.connections.with(&|connection| {
            self.clock.ask(connection)?;
            recently_ended(connection, self.window)
        });
        match answer {
            Ok(ended) => {
                // Collected before the lock is taken, and what was known is dropped after it, so that no call waits long.
                let ended: HashSet<_> = ended.into_iter().collect();
                let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
                let before = known.learn(ended, asked_at);
                drop((known, before));
                true
            }
            Err(error) => {
                let stopping = self.stop.try_recv() == Err(TryRecvError::Disconnected);
                if !failing && !stopping {
                    tracing::warn!(%error, "other instances' ended sessions cannot be learnt of");
                }
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn session(number: u128) -> SessionId {
        SessionId::from_uuid(Uuid::from_u128(number))
    }

    fn ended(numbers: &[u128]) -> HashSet<SessionId> {
        numbers.iter().copied().map(session).collect()
    }

    #[test]
    fn nothing_is_sure_before_the_first_answer_and_a_minute_after_the_last() {
        let (mut known, start) = (Known::default(), Instant::now());
        assert_eq!(known.status(session(1), start), SessionStatus::Unknown);
        known.learn(ended(&[2]), start);
        assert_eq!(known.status(session(1), start + FRESH), SessionStatus::Open);
        assert_eq!(known.status(session(1), start + FRESH + Duration::from_nanos(1)), SessionStatus::Unknown);
        assert_eq!(known.status(session(2), start + FRESH * 2), SessionStatus::Ended);
    }

    #[test]
    fn an_answer_replaces_the_one_before_it() {
        let (mut known, start) = (Known::default(), Instant::now());
        known.learn(ended(&[1, 2]), start);
        known.learn(ended(&[2, 3]), start + INTERVAL);
        let standing = |number| known.status(session(number), start + INTERVAL);
        assert_eq!(
            [1, 2, 3].map(standing),
            [SessionStatus::Open, SessionStatus::Ended, SessionStatus::Ended]
        );
    }

    #[test]
    fn what_ended_here_is_refused_at_once_and_until_the_database_says_so() {
        let (mut known, start) = (Known::default(), Instant::now());
        known.learn(ended(&[]), start);
        known.here.insert(session(1), start + Duration::from_secs(2));
        // Asked before it was ended, so that the answer cannot know.
        known.learn(ended(&[]), start + Duration::from_secs(1));
        assert_eq!(known.status(session(1), start + Duration::from_secs(2)), SessionStatus::Ended);
        known.learn(ended(&[1]), start + INTERVAL);
        assert!(known.here.is_empty(), "once the database says so, nothing is kept twice");
        assert_eq!(known.status(session(1), start + INTERVAL), SessionStatus::Ended);
    }
}
