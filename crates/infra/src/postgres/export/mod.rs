//! Data exports: each streams one database snapshot over a connection of its own, at the pace of its reader (backpressure). A fair
//! semaphore limits how many run.

mod conversations;
mod sections;
mod snapshot;

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use domain::error::PortError;
use domain::export::{ExportPart, ExportReader, ExportRepository};
use domain::id::UserId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::db::{Db, Patience};
use crate::runtime::thread_pool::{JobClass, JobError, PoolSize, ThreadPool};
use crate::runtime::watched_thread::StallLimits;
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
    /// The longest time that an export waits for others to end.
    pub slot_wait: Duration,
    /// The maximum duration of an export. While it runs, its snapshot keeps the database from removing old row versions.
    pub deadline: Duration,
}

/// [`ExportRepository`] on PostgreSQL.
pub struct PgExportRepository {
    url: String,
    threads: Arc<ThreadPool>,
    slots: Arc<Semaphore>,
    settings: ExportSettings,
    /// Longest time that opening a snapshot takes.
    opening: Duration,
}

impl PgExportRepository {
    /// Exports from the database of `db`, over connections and threads of its own.
    ///
    /// # Errors
    /// If a thread cannot be started.
    pub fn start(db: &Db, settings: ExportSettings) -> std::io::Result<Self> {
        let worker = db.watched_worker("export", StallLimits::EXPORTS)?;
        let size = PoolSize::of_one_class(settings.at_once, settings.at_once);
        // A part may take as long as the session permits its statement: an answer that has begun can only be broken off.
        let limits = Patience::BACKGROUND.job_limits(MAX_QUEUE_WAIT);
        let threads = Arc::new(ThreadPool::start("export", worker, size, limits, || ())?);
        let slots = Arc::new(Semaphore::new(settings.at_once));
        let opening = db.patience().result;
        Ok(Self { url: db.url().to_owned(), threads, slots, settings, opening })
    }

    /// Waits for a slot, in turn.
    async fn slot(&self) -> Result<OwnedSemaphorePermit, PortError> {
        let slot = timeout(self.settings.slot_wait, Arc::clone(&self.slots).acquire_owned()).await;
        let refused = |why| PortError::unavailable(RETRY_AFTER, why);
        slot.map_err(|_| refused("too many exports are running"))?
            .map_err(|_| refused("no export is permitted any more"))
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
    _slot: OwnedSemaphorePermit,
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
        let (snapshot, part) = job_result(self.threads.run(JobClass::Read, job).await)?;
        self.snapshot = part.is_some().then_some(snapshot);
        Ok(part)
    }
}

#[async_trait]
impl ExportRepository for PgExportRepository {
    async fn open(&self, user: UserId) -> Result<Option<Box<dyn ExportReader>>, PortError> {
        let slot = self.slot().await?;
        let ends_at = Instant::now() + self.settings.deadline;
        let url = self.url.clone();
        let opened = self.threads.run(JobClass::Read, move || Snapshot::open(&url, user));
        let late = |why| PortError::unavailable(RETRY_AFTER, why);
        let snapshot = job_result(timeout(self.opening, opened).await.map_err(late)?)?;
        Ok(snapshot.map(|snapshot| {
            let threads = Arc::clone(&self.threads);
            Box::new(SnapshotReader { snapshot: Some(snapshot), threads, ends_at, _slot: slot })
                as Box<dyn ExportReader>
        }))
    }
}
