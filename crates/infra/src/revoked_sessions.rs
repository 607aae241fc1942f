//! Revocation list: the sessions that have ended on any instance while an access token of theirs may still be valid.
//!
//! Problem: access tokens are verified without the database, so logging out would not take effect before the token expires.
//! Solution: a background thread reads the ended sessions every few seconds, and each request checks them in memory. It reads all
//! of them, not only those that are new, because a session may be marked as ended long before its transaction commits. When
//! the database has not answered for a minute, the list counts as stale and every request must query the database itself.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use domain::auth::{EndAudience, EndedSessions, SessionStatus};
use domain::id::SessionId;
use parking_lot::RwLock;

use crate::db::{Connections, Db};
use crate::metrics::Collectors;
use crate::postgres::recently_ended;
use crate::runtime::watched_thread::StallLimits;
use crate::runtime::worker::{StopSignal, Worker, WorkerHandle};

/// Time between two reads of the database.
const POLL_INTERVAL: Duration = Duration::from_secs(3);
/// Age at which the list counts as stale.
const MAX_AGE: Duration = Duration::from_secs(60);
/// Longest time between marking a session as ended and the commit, plus the largest difference of clocks.
const COMMIT_SLACK: Duration = Duration::from_secs(60);

/// Who learns of ended sessions, once it is set.
type Audience = Arc<OnceLock<Arc<dyn EndAudience>>>;

/// The revocation list in memory, and the thread that keeps it up to date.
pub struct RevokedSessionCache {
    list: Arc<RwLock<RevocationList>>,
    audience: Audience,
    worker: Worker,
    /// Stops the thread when it is dropped.
    _running: WorkerHandle,
}

impl RevokedSessionCache {
    /// Starts the thread, which takes a connection of `db` for one query at a time. `access_token_life` is how long an access token
    /// stays valid.
    ///
    /// # Errors
    /// When the system cannot start another thread.
    pub fn start(db: &Db, access_token_life: Duration) -> std::io::Result<Self> {
        let list = Arc::<RwLock<RevocationList>>::default();
        let window = access_token_life.saturating_add(COMMIT_SLACK);
        let failing = AtomicBool::new(false);
        let (audience, connections) = (Audience::default(), db.connections());
        let poller =
            Poller { list: Arc::clone(&list), audience: Arc::clone(&audience), connections, window, failing };
        let worker = db.watched_worker("revoked-sessions", StallLimits::REQUESTS)?;
        let running = worker.repeat(POLL_INTERVAL, move |stop| poller.poll(stop))?;
        Ok(Self { list, audience, worker, _running: running })
    }

    /// Metrics of the worker.
    ///
    /// # Errors
    /// When a metric's name is invalid.
    pub fn collectors(&self) -> std::io::Result<Collectors> {
        self.worker.collectors()
    }
}

impl EndedSessions for RevokedSessionCache {
    fn mark_ended(&self, session: SessionId) {
        let mut list = self.list.write();
        list.ended_here.insert(session, Instant::now());
        drop(list);
        if let Some(audience) = self.audience.get() {
            audience.ended(&[session]);
        }
    }

    fn tell(&self, audience: Arc<dyn EndAudience>) {
        let _ = self.audience.set(audience);
    }

    fn status(&self, session: SessionId) -> SessionStatus {
        self.list.read().status(session, Instant::now())
    }
}

#[derive(Default)]
struct RevocationList {
    /// The sessions that the database reported.
    reported: HashSet<SessionId>,
    /// When that query was sent; `None` before the first answer.
    queried_at: Option<Instant>,
    /// Sessions that this instance has ended since, and when.
    ended_here: HashMap<SessionId, Instant>,
}

impl RevocationList {
    fn status(&self, session: SessionId, now: Instant) -> SessionStatus {
        let is_fresh = |queried_at| now.saturating_duration_since(queried_at) <= MAX_AGE;
        if self.reported.contains(&session) || self.ended_here.contains_key(&session) {
            SessionStatus::Ended
        } else if self.queried_at.is_some_and(is_fresh) {
            SessionStatus::Open
        } else {
            SessionStatus::Unknown
        }
    }

    /// Replaces the reported sessions by the answer to a query that was sent at `queried_at`; returns the old ones. The answer of a
    /// connection that stood still may come after that of a later query, and is ignored then.
    fn update(&mut self, reported: HashSet<SessionId>, queried_at: Instant) -> HashSet<SessionId> {
        if self.queried_at.is_some_and(|known| known > queried_at) {
            return reported;
        }
        // What this instance ended before the query is in the answer, for as long as it matters.
        self.ended_here.retain(|_, ended_at| *ended_at >= queried_at);
        self.queried_at = Some(queried_at);
        std::mem::replace(&mut self.reported, reported)
    }
}

/// Reads the database.
struct Poller {
    list: Arc<RwLock<RevocationList>>,
    audience: Audience,
    connections: Connections,
    window: Duration,
    /// Whether the last read failed: of consecutive failures only the first is logged.
    failing: AtomicBool,
}

impl Poller {
    fn poll(&self, stop: &StopSignal) {
        let queried_at = Instant::now();
        match self.connections.with(&|connection| recently_ended(connection, self.window)) {
            Ok(ended) => {
                // The set is built before the lock is taken and the old one is freed after it, so that no request waits long.
                let ended: HashSet<_> = ended.into_iter().collect();
                let old = self.list.write().update(ended, queried_at);
                let new: Vec<SessionId> = self.list.read().reported.difference(&old).copied().collect();
                drop(old);
                if let Some(audience) = self.audience.get().filter(|_| !new.is_empty()) {
                    audience.ended(&new);
                }
                self.failing.store(false, Ordering::Relaxed);
            }
            Err(error) => {
                if !self.failing.swap(true, Ordering::Relaxed) && !stop.is_stopped() {
                    tracing::warn!(%error, "cannot read the sessions that other instances have ended");
                }
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
    fn status_is_unknown_before_the_first_answer_and_once_the_list_is_stale() {
        let (mut list, start) = (RevocationList::default(), Instant::now());
        assert_eq!(list.status(session(1), start), SessionStatus::Unknown);
        list.update(ended(&[2]), start);
        assert_eq!(list.status(session(1), start + MAX_AGE), SessionStatus::Open);
        let stale = start + MAX_AGE + Duration::from_nanos(1);
        assert_eq!(list.status(session(1), stale), SessionStatus::Unknown);
        assert_eq!(list.status(session(2), start + MAX_AGE * 2), SessionStatus::Ended);
    }

    #[test]
    fn a_late_answer_of_a_stalled_connection_is_ignored() {
        let (mut list, start) = (RevocationList::default(), Instant::now());
        list.update(ended(&[1]), start + POLL_INTERVAL);
        list.update(ended(&[]), start);
        assert_eq!(list.status(session(1), start + POLL_INTERVAL), SessionStatus::Ended);
        assert_eq!(list.queried_at, Some(start + POLL_INTERVAL));
    }

    #[test]
    fn an_answer_replaces_the_previous_one() {
        let (mut list, start) = (RevocationList::default(), Instant::now());
        list.update(ended(&[1, 2]), start);
        list.update(ended(&[2, 3]), start + POLL_INTERVAL);
        let status = |number| list.status(session(number), start + POLL_INTERVAL);
        assert_eq!([1, 2, 3].map(status), [SessionStatus::Open, SessionStatus::Ended, SessionStatus::Ended]);
    }

    #[test]
    fn a_session_ended_here_stays_ended_until_the_database_reports_it() {
        let (mut list, start) = (RevocationList::default(), Instant::now());
        list.update(ended(&[]), start);
        list.ended_here.insert(session(1), start + Duration::from_secs(2));
        // This query was sent before the session ended, so its answer cannot contain it.
        list.update(ended(&[]), start + Duration::from_secs(1));
        assert_eq!(list.status(session(1), start + Duration::from_secs(2)), SessionStatus::Ended);
        list.update(ended(&[1]), start + POLL_INTERVAL);
        assert!(list.ended_here.is_empty(), "a reported session is stored once");
        assert_eq!(list.status(session(1), start + POLL_INTERVAL), SessionStatus::Ended);
    }
}
