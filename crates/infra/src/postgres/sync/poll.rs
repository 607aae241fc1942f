//! The poll for changes that other instances commit, which wakes those who wait here; and the upkeep of the lineage.
//!
//! One statement looks whether any transaction has ended since the last look. Only then, and only while requests wait, further
//! ones find the accounts that the changes concern.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Uuid as SqlUuid};
use domain::id::UserId;
use domain::realtime::ReadPoint;
use parking_lot::Mutex;
use uuid::Uuid;

use super::concerned::{self, LookSnapshot};
use super::lineage::{self, IS_PRESENT};
use crate::db::{Connections, Db, DbError, statement};
use crate::local_signals::{LocalSignals, WakeSource};
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
            last: Mutex::default(),
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
        let last = LookSnapshot { xmin: i64::MAX, ..LookSnapshot::default() };
        let none = Subject { signals: &self.signals, last };
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
    /// Changes that it shows were looked for already.
    last: Mutex<LookSnapshot>,
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
        let covers = begun >= pace.cover;
        let subject = Subject { signals: &self.signals, last: self.last.lock().clone() };
        let found = self.connections.with(&|connection| look(connection, &subject, covers));
        *self.pace.lock() = pace.after(begun, !self.signals.is_waited_for());
        match found {
            Ok(Looked { snapshot, concerned, point }) => {
                self.signals.wake(WakeSource::Poll, concerned);
                if let Some(point) = point {
                    self.signals.cover(point);
                }
                self.signals.delivered().forget_before(snapshot.xmin);
                *self.last.lock() = snapshot;
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

/// What a look is about: changes since the last one that concern those who wait and that they do not know of.
struct Subject<'a> {
    signals: &'a LocalSignals,
    last: LookSnapshot,
}

/// What a look has found.
struct Looked {
    /// From where to look the next time.
    snapshot: LookSnapshot,
    /// The accounts that have changes.
    concerned: Vec<UserId>,
    /// How far this look has seen.
    point: Option<ReadPoint>,
}

/// Keeps the lineage, and finds the accounts that have changes.
fn look(connection: &mut PgConnection, subject: &Subject<'_>, covers: bool) -> Result<Looked, DbError> {
    let Subject { signals, last } = subject;
    let found: Option<Found> = Look { since: &last.xmin }.get_result(connection).optional()?;
    let Some(found) = found else {
        return Ok(Looked { snapshot: last.clone(), concerned: Vec::new(), point: None });
    };
    match found.lineage {
        None => lineage::begin(connection)?,
        Some(lineage) if covers && found.is_uncovered => lineage::cover(connection, lineage)?,
        Some(_) => {}
    }
    let snapshot = LookSnapshot { xmin: found.xmin, xmax: found.xmax, open: found.open };
    let mut concerned = Vec::new();
    // While a transaction stays open, there may be nothing new after it.
    if found.is_new && snapshot != *last {
        // Listed after the snapshot, so that one who begins to wait later has read what the snapshot shows.
        concerned = concerned::among(connection, &signals.waited_for(), last, signals.delivered())?;
    }
    let of_lineage = |lineage| ReadPoint::of_snapshot(lineage, snapshot.xmax, snapshot.open.clone());
    Ok(Looked { point: found.lineage.map(of_lineage), snapshot, concerned })
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
