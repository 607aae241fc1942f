//! Data exports: each streams one database snapshot over a connection of its own, at the pace of its reader (backpressure).

mod conversations;
mod sections;
mod snapshot;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use domain::error::PortError;
use domain::export::{ExportPart, ExportReader, ExportRepository};
use domain::id::UserId;
use parking_lot::Mutex;

use crate::db::Db;
use crate::runtime::thread_pool::{JobError, ThreadPool};
use snapshot::Snapshot;

/// The maximum time that a job waits for a thread. Each export has one, so that jobs should not wait at all.
const MAX_QUEUE_WAIT: Duration = Duration::from_secs(2);
/// The `Retry-After` value of a refused export.
const RETRY_AFTER: Duration = Duration::from_secs(30);

/// The limits of exports.
#[derive(Debug, Clone, Copy)]
pub struct ExportSettings {
    /// The maximum number of concurrent exports of one instance. Each uses a connection and a thread of its own.
    pub at_once: usize,
    /// The maximum duration of an export. While it runs, its snapshot keeps the database from removing old row versions.
    pub deadline: Duration,
}

/// [`ExportRepository`] on PostgreSQL.
pub struct PgExportRepository {
    url: String,
    threads: Arc<ThreadPool>,
    slots: ExportSlots,
    settings: ExportSettings,
}

impl PgExportRepository {
    /// Exports from the database of `db`, over connections and threads of its own.
    ///
    /// # Errors
    /// If a thread cannot be started.
    pub fn start(db: &Db, settings: ExportSettings) -> std::io::Result<Self> {
        let threads =
            Arc::new(ThreadPool::start("export", settings.at_once, settings.at_once, MAX_QUEUE_WAIT)?);
        Ok(Self { url: db.url().to_owned(), threads, slots: ExportSlots::default(), settings })
    }
}

/// The accounts whose exports are running: a counting semaphore with at most one slot per account.
#[derive(Clone, Default)]
struct ExportSlots(Arc<Mutex<HashSet<UserId>>>);

/// A slot, released on drop.
struct Slot {
    user: UserId,
    slots: ExportSlots,
}

impl ExportSlots {
    fn acquire(&self, user: UserId, at_once: usize) -> Result<Slot, PortError> {
        let mut taken = self.0.lock();
        if taken.len() >= at_once {
            return Err(PortError::unavailable(RETRY_AFTER, "too many exports are running"));
        }
        if !taken.insert(user) {
            return Err(PortError::unavailable(RETRY_AFTER, "an export of the account is already running"));
        }
        Ok(Slot { user, slots: self.clone() })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.slots.0.lock().remove(&self.user);
    }
}

/// The result of a job on an export thread.
fn job_result<T>(result: Result<Result<T, PortError>, JobError>) -> Result<T, PortError> {
    match result {
        Ok(result) => result,
        Err(error) => Err(error.into_port_error(RETRY_AFTER)),
    }
}

/// A running export.
struct SnapshotReader {
    /// The snapshot between two parts, when no thread works on it; `None` once the export has ended.
    snapshot: Option<Snapshot>,
    threads: Arc<ThreadPool>,
    ends_at: Instant,
    _slot: Slot,
}

#[async_trait]
impl ExportReader for SnapshotReader {
    async fn next(&mut self) -> Result<Option<ExportPart>, PortError> {
        // Taken out, so that an error ends the export.
        let snapshot = self.snapshot.take();
        let mut snapshot = snapshot.ok_or_else(|| PortError::internal("the export has ended"))?;
        if Instant::now() >= self.ends_at {
            return Err(PortError::unavailable(RETRY_AFTER, "the export exceeded its deadline"));
        }
        let job = move || snapshot.next().map(|part| (snapshot, part));
        let (snapshot, part) = job_result(self.threads.run(job).await)?;
        self.snapshot = part.is_some().then_some(snapshot);
        Ok(part)
    }
}

#[async_trait]
impl ExportRepository for PgExportRepository {
    async fn open(&self, user: UserId) -> Result<Option<Box<dyn ExportReader>>, PortError> {
        let slot = self.slots.acquire(user, self.settings.at_once)?;
        let ends_at = Instant::now() + self.settings.deadline;
        let url = self.url.clone();
        let snapshot = job_result(self.threads.run(move || Snapshot::open(&url, user)).await)?;
        Ok(snapshot.map(|snapshot| {
            let threads = Arc::clone(&self.threads);
            Box::new(SnapshotReader { snapshot: Some(snapshot), threads, ends_at, _slot: slot })
                as Box<dyn ExportReader>
        }))
    }
}
