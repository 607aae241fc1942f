//! The search indexer: a background worker that scans all conversations and indexes those that lag.
//!
//! Sends do not notify it: which conversations lag follows from the rows. So the send path pays nothing, and a crash at any
//! moment loses no work. Each step is a short transaction, followed by a rest of a multiple of its duration, which limits the
//! worker's share of the machine however much there is to index. One instance scans at a time: it holds an advisory lock, which
//! ends with its connection.

use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::PgConnection;
use diesel::prelude::*;
use uuid::Uuid;

use super::index::{self, IndexLimits};
use crate::db::{Connections, Db, DbError, ErrorClass, in_transaction};
use crate::metrics::Collectors;
use crate::runtime::watched_thread::StallLimits;
use crate::runtime::worker::{StopSignal, Stopped, Worker, WorkerHandle};

/// Key of the advisory lock: "search" in ASCII, so that no other program uses it by chance.
const LOCK: i64 = 0x73_65_61_72_63_68;
/// Conversations checked per step.
const PAGE_SIZE: i64 = 1000;
/// Conversations indexed per step.
const CONVERSATIONS_PER_STEP: usize = 64;
/// Messages read per step.
const MESSAGES_PER_STEP: i64 = 2048;

diesel::define_sql_function! {
    /// Takes a lock that is held until the connection ends; false when another session holds it.
    fn pg_try_advisory_lock(key: diesel::sql_types::BigInt) -> diesel::sql_types::Bool;
}
diesel::define_sql_function! {
    /// Releases such a lock.
    fn pg_advisory_unlock(key: diesel::sql_types::BigInt) -> diesel::sql_types::Bool;
}

/// How much the indexer may take.
#[derive(Debug, Clone, Copy)]
pub struct IndexerSettings {
    /// Pause between two scans.
    pub pause: Duration,
    /// Rest after a step, as a multiple of the step's duration.
    pub rest: u32,
    /// Time without messages after which a conversation is indexed to its end.
    pub quiet_after: Duration,
}

/// The running indexer. Dropping it stops the indexer and waits for the current step.
pub struct SearchIndexer {
    worker: Worker,
    running: Option<WorkerHandle>,
}

impl SearchIndexer {
    /// Starts the indexer on a thread of its own.
    ///
    /// # Errors
    /// When the system cannot start another thread.
    pub fn start(db: &Arc<Db>, settings: IndexerSettings) -> std::io::Result<Self> {
        let worker = db.watched_worker("search-index", StallLimits::REQUESTS)?;
        let connections = db.connections();
        let running = worker.repeat(settings.pause, move |stop| {
            Scan { connections: &connections, settings, stop }.run();
        })?;
        Ok(Self { worker, running: Some(running) })
    }

    /// Metrics of the worker.
    ///
    /// # Errors
    /// When a metric's name is invalid.
    pub fn collectors(&self) -> std::io::Result<Collectors> {
        self.worker.collectors()
    }
}

impl Drop for SearchIndexer {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop();
        }
    }
}

/// Why a scan ended early.
enum ScanEnd {
    Stopped,
    Failed(DbError),
}

impl From<DbError> for ScanEnd {
    fn from(error: DbError) -> Self {
        Self::Failed(error)
    }
}

impl From<diesel::result::Error> for ScanEnd {
    fn from(error: diesel::result::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Stopped> for ScanEnd {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

/// One scan of all conversations.
struct Scan<'a> {
    connections: &'a Connections,
    settings: IndexerSettings,
    stop: &'a StopSignal,
}

impl Scan<'_> {
    /// Scans, unless another instance does. An error ends the scan; the next one continues from what the rows say.
    fn run(&self) {
        // The pool has logged why there is no connection.
        let Ok(mut connection) = self.connections.take() else { return };
        let inner = connection.inner().map_err(ScanEnd::Failed);
        if let Err(ScanEnd::Failed(error)) = inner.and_then(|connection| self.scan_locked(connection)) {
            tracing::warn!(%error, "search indexing interrupted");
            if error.class() == ErrorClass::ConnectionLost {
                self.connections.lost(connection);
            }
        }
    }

    fn scan_locked(&self, connection: &mut PgConnection) -> Result<(), ScanEnd> {
        if !diesel::select(pg_try_advisory_lock(LOCK)).get_result::<bool>(connection)? {
            return Ok(());
        }
        let scanned = self.scan(connection);
        // A lost connection has released the lock already.
        let unlocked = diesel::select(pg_advisory_unlock(LOCK)).get_result::<bool>(connection);
        scanned?;
        unlocked?;
        Ok(())
    }

    fn scan(&self, connection: &mut PgConnection) -> Result<(), ScanEnd> {
        let limits = IndexLimits { quiet_after: self.settings.quiet_after, messages: MESSAGES_PER_STEP };
        let mut page = Some(Uuid::nil());
        while let Some(after) = page {
            let (next, lagging) = self.step(|| index::lagging(connection, after, PAGE_SIZE, limits))?;
            for conversations in lagging.chunks(CONVERSATIONS_PER_STEP) {
                let mut left = conversations.to_vec();
                while !left.is_empty() {
                    left = self.step(|| {
                        in_transaction(connection, |connection| index::advance(connection, &left, limits))
                    })?;
                }
            }
            page = next;
        }
        Ok(())
    }

    /// Does one unit of work and rests.
    fn step<T>(&self, work: impl FnOnce() -> Result<T, DbError>) -> Result<T, ScanEnd> {
        let started = Instant::now();
        let done = work()?;
        self.stop.wait(started.elapsed() * self.settings.rest)?;
        Ok(done)
    }
}
