//! The poll for changes that other instances commit, which wakes those who wait here; and the upkeep of the lineage.
//!
//! One statement looks whether any transaction has ended since the last look. Only then, and only while requests wait, further
//! ones find the accounts that the changes concern.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Uuid as SqlUuid};
use domain::id::{ConversationId, UserId};
use domain::realtime::ReadPoint;
use parking_lot::Mutex;
use uuid::Uuid;

use super::lineage::{self, IS_PRESENT};
use crate::db::{Connections, Db, DbError, statement};
use crate::local_signals::{DeliveredStamps, LocalSignals, WakeSource};
use crate::metrics::Collectors;
use crate::runtime::watched_thread::StallLimits;
use crate::runtime::worker::{StopSignal, Worker, WorkerHandle};

/// Time between two looks while requests or sockets wait.
const INTERVAL: Duration = Duration::from_millis(100);
/// Time between two looks while none waits.
const IDLE: Duration = Duration::from_millis(500);
/// So many times as long as a look takes, the next one waits: many who wait cannot make the looks a load of their own.
const REST: u32 = 10;
/// The longest time between two looks.
const LONGEST: Duration = Duration::from_secs(2);
/// Accounts per statement.
const ACCOUNTS: usize = 64;

statement! {
    // The parameter is the least id that may be waited for; it keeps the statement a prepared one.
    Look<'a> { since: &'a i64 } -> (BigInt, BigInt, Array<BigInt>, Bool, Nullable<SqlUuid>, Bool);
    "SELECT snap.xmin, snap.xmax, snap.open, snap.xmax > " [since: BigInt] ", l.token, coalesce(l.covered < snap.xmin, false)
       FROM (SELECT pg_snapshot_xmin(s)::text::bigint AS xmin, pg_snapshot_xmax(s)::text::bigint AS xmax,
                    ARRAY(SELECT pg_snapshot_xip(s)::text::bigint) AS open
               FROM pg_current_snapshot() s OFFSET 0) snap
       LEFT JOIN lineages l ON " {IS_PRESENT} "
      WHERE NOT pg_is_in_recovery()"
}

/// What a look finds.
#[derive(Debug, Clone, Queryable)]
struct Found {
    xmin: i64,
    xmax: i64,
    open: Vec<i64>,
    is_new: bool,
    lineage: Option<Uuid>,
    is_uncovered: bool,
}

statement! {
    // A row for what is the account's own, and one for each conversation: its stamp, and whether something else of it has changed.
    Concerned<'a> { accounts: &'a [Uuid], since: i64 } -> (SqlUuid, Nullable<SqlUuid>, BigInt, Bool);
    "SELECT a.id, x.conversation_id, x.stamp, x.is_other FROM unnest(" [accounts: Array<SqlUuid>] ") AS a (id)
      CROSS JOIN LATERAL (SELECT " [since: BigInt] " AS id OFFSET 0) since
       JOIN users me ON me.id = a.id
      CROSS JOIN LATERAL (
            SELECT NULL::uuid AS conversation_id, 0::bigint AS stamp, true AS is_other
             WHERE greatest(me.changed_in, me.sharing_in) >= since.id
                OR EXISTS (SELECT FROM sessions s WHERE s.user_id = a.id AND s.changed_in > 0 AND s.changed_in >= since.id)
            UNION ALL
            SELECT c.id, c.changed_in, coalesce(greatest(c.related_in, m.changed_in, u.changed_in) >= since.id, false)
              FROM ((SELECT c.*, c.user_hi AS peer_id FROM conversations c WHERE c.user_lo = a.id OFFSET 0)
                         UNION ALL
                         (SELECT c.*, c.user_lo AS peer_id FROM conversations c WHERE c.user_hi = a.id OFFSET 0)) c
              LEFT JOIN LATERAL (
                   SELECT max(CASE WHEN m.user_id = a.id THEN m.changed_in ELSE m.shown_in END) AS changed_in
                     FROM conversation_members m WHERE m.conversation_id = c.id OFFSET 0) m ON true
              LEFT JOIN LATERAL (
                   SELECT greatest(u.shown_in, u.sharing_in) AS changed_in
                     FROM users u WHERE u.id = c.peer_id OFFSET 0) u ON true
             WHERE greatest(c.changed_in, c.related_in, m.changed_in, u.changed_in) >= since.id) x"
}

/// What has changed for an account.
#[derive(Debug, Clone, Copy, Queryable)]
struct Concern {
    account: Uuid,
    /// The conversation; `None` for what is the account's own.
    conversation: Option<Uuid>,
    /// The stamp of the conversation.
    stamp: i64,
    /// Whether anything but its messages has changed.
    is_other: bool,
}

impl Concern {
    /// Whether those who wait here know of it.
    fn is_delivered(&self, delivered: &DeliveredStamps) -> bool {
        let of = |id| delivered.contains(ConversationId::from_uuid(id), self.stamp);
        !self.is_other && self.conversation.is_some_and(of)
    }
}

/// The thread of the poll; it stops when this is dropped.
pub struct ChangePoll {
    worker: Worker,
    running: WorkerHandle,
    connections: Connections,
    signals: Arc<LocalSignals>,
}

impl ChangePoll {
    /// Starts the thread, which takes a connection of `db` for short statements.
    ///
    /// # Errors
    /// When the system cannot start another thread.
    pub fn start(db: &Db) -> std::io::Result<Self> {
        let lookout = ChangeLookout {
            connections: db.connections(),
            signals: Arc::clone(db.signals()),
            since: AtomicI64::new(0),
            pace: Mutex::new(Pace { look: Instant::now(), cover: Instant::now() }),
            failing: AtomicBool::new(false),
        };
        let worker = db.watched_worker("change-poll", StallLimits::REQUESTS)?;
        let running = worker.repeat(INTERVAL, move |stop| lookout.step(stop))?;
        Ok(Self { worker, running, connections: db.connections(), signals: Arc::clone(db.signals()) })
    }

    /// Stops the thread and notes what is finished, so that a restart of PostgreSQL resets no client.
    pub fn finish(self) {
        self.running.stop();
        // Of changes from this stamp on there are none.
        let none = Subject { signals: &self.signals, since: i64::MAX };
        if let Err(error) = self.connections.with(&|connection| look(connection, &none, true)) {
            tracing::debug!(%error, "cannot note which transactions are finished");
        }
    }

    /// Metrics of the worker.
    ///
    /// # Errors
    /// When a metric's name is invalid.
    pub fn collectors(&self) -> std::io::Result<Collectors> {
        self.worker.collectors()
    }
}

struct ChangeLookout {
    connections: Connections,
    signals: Arc<LocalSignals>,
    /// Changes with earlier ids were looked for already.
    since: AtomicI64,
    pace: Mutex<Pace>,
    /// Whether the last look failed: of consecutive failures only the first is logged.
    failing: AtomicBool,
}

impl ChangeLookout {
    fn step(&self, stop: &StopSignal) {
        let (begun, pace) = (Instant::now(), *self.pace.lock());
        if begun < pace.look {
            return;
        }
        let since = self.since.load(Ordering::Relaxed);
        let covers = begun >= pace.cover;
        let subject = Subject { signals: &self.signals, since };
        let found = self.connections.with(&|connection| look(connection, &subject, covers));
        *self.pace.lock() = pace.after(begun, !self.signals.is_waited_for());
        match found {
            Ok(Looked { since, concerned, point }) => {
                self.signals.wake(WakeSource::Poll, concerned);
                if let Some(point) = point {
                    self.signals.cover(point);
                }
                self.since.store(since, Ordering::Relaxed);
                self.signals.delivered().forget_before(since);
                self.failing.store(false, Ordering::Relaxed);
            }
            Err(error) => {
                if !self.failing.swap(true, Ordering::Relaxed) && !stop.is_stopped() {
                    tracing::warn!(%error, "cannot look for changes of other instances");
                }
            }
        }
    }
}

/// When what is due next.
#[derive(Debug, Clone, Copy)]
struct Pace {
    look: Instant,
    /// When it is noted again which transactions are finished.
    cover: Instant,
}

impl Pace {
    /// The pace after a look that began then.
    fn after(self, begun: Instant, is_idle: bool) -> Self {
        let rest = if is_idle { IDLE } else { (begun.elapsed() * REST).clamp(INTERVAL, LONGEST) };
        let cover = if begun >= self.cover { begun + IDLE } else { self.cover };
        Self { look: begun + rest, cover }
    }
}

/// What a look is about: changes since a stamp that concern those who wait and that they do not know of.
struct Subject<'a> {
    signals: &'a LocalSignals,
    since: i64,
}

/// What a look has found.
struct Looked {
    /// From where to look the next time.
    since: i64,
    /// The accounts that have changes.
    concerned: Vec<UserId>,
    /// How far this look has seen.
    point: Option<ReadPoint>,
}

/// Keeps the lineage, and finds the accounts that have changes.
fn look(connection: &mut PgConnection, subject: &Subject<'_>, covers: bool) -> Result<Looked, DbError> {
    let since = subject.since;
    let found: Option<Found> = Look { since: &since }.get_result(connection).optional()?;
    let Some(found) = found else { return Ok(Looked { since, concerned: Vec::new(), point: None }) };
    match found.lineage {
        None => lineage::begin(connection)?,
        Some(lineage) if covers && found.is_uncovered => lineage::cover(connection, lineage)?,
        Some(_) => {}
    }
    let mut concerned = Vec::new();
    if found.is_new {
        // Listed after the snapshot, so that one who begins to wait later has read what the snapshot shows.
        for accounts in subject.signals.waited_for().chunks(ACCOUNTS) {
            let accounts: Vec<Uuid> = accounts.iter().map(|account| account.as_uuid()).collect();
            let rows: Vec<Concern> = Concerned { accounts: &accounts, since }.load(connection)?;
            let news = rows.into_iter().filter(|concern| !concern.is_delivered(subject.signals.delivered()));
            concerned.extend(news.map(|concern| UserId::from_uuid(concern.account)));
        }
    }
    let point = found.lineage.map(|lineage| ReadPoint::of_snapshot(lineage, found.xmax, found.open));
    Ok(Looked { since: found.xmin, concerned, point })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_are_frequent_only_while_some_wait_and_a_look_is_cheap() {
        let now = Instant::now();
        let due = Pace { look: now, cover: now };
        assert_eq!(due.after(now, true).look, now + IDLE);
        assert!(due.after(now, false).look < now + IDLE);
        let costly = now.checked_sub(Duration::from_secs(60)).unwrap();
        assert_eq!(due.after(costly, false).look, costly + LONGEST);
        // What is finished is noted no more often than before.
        assert_eq!(due.after(now, false).cover, now + IDLE);
        let later = Pace { look: now, cover: now + IDLE };
        assert_eq!(later.after(now, false).cover, now + IDLE);
    }
}
