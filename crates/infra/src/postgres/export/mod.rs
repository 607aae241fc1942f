//! Exports: each reads one snapshot on a connection of its own, part by part, as fast as its reader takes them.

mod conversations;
mod sections;
mod snapshot;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use domain::error::PortError;
use domain::export::{ExportPart, ExportReader, ExportRepository};
use domain::id::UserId;

use crate::db::Db;
use crate::runtime::thread_pool::{JobError, ThreadPool};
use snapshot::Snapshot;

/// How long a batch may wait for a thread; there is one for each export.
const PATIENCE: Duration = Duration::from_secs(2);
/// What somebody is told to wait for whom there is no place.
const RETRY_AFTER: Duration = Duration::from_secs(30);

/// How much exports may take.
#[derive(Debug, Clone, Copy)]
pub struct ExportSettings {
    /// Exports that may be under way at once on one instance, each with a connection and a thread of its own.
    pub at_once: usize,
    /// How long an export may take. As long as it lasts the database keeps every version of every row.
    pub deadline: Duration,
}

/// Exports from PostgreSQL.
pub struct PgExportRepository {
    url: String,
    threads: Arc<ThreadPool>,
    places: Places,
    settings: ExportSettings,
}

impl PgExportRepository {
    /// Reads from the database that `db` reaches, by connections and threads of its own.
    ///
    /// # Errors
    /// When the system starts no more threads.
    pub fn start(db: &Db, settings: ExportSettings) -> std::io::Result<Self> {
        let threads = Arc::new(ThreadPool::start("export", settings.at_once, settings.at_once, PATIENCE)?);
        Ok(Self { url: db.url().to_owned(), threads, places: Places::default(), settings })
    }
}

/// Whose exports are under way.
#[derive(Clone, Default)]
struct Places(Arc<Mutex<HashSet<UserId>>>);

/// A place among them, until it is dropped.
struct Place {
    user: UserId,
    places: Places,
}

impl Places {
    fn take(&self, user: UserId, at_once: usize) -> Result<Place, PortError> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.len() >= at_once {
            return Err(PortError::unavailable(RETRY_AFTER, "too many exports are under way"));
        }
        if !taken.insert(user) {
            return Err(PortError::unavailable(RETRY_AFTER, "an export of the account is under way"));
        }
        Ok(Place { user, places: self.clone() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.user);
    }
}

/// What became of a job on the threads of the exports.
fn of_job<T>(result: Result<Result<T, PortError>, JobError>) -> Result<T, PortError> {
    match result {
        Ok(result) => result,
        Err(error @ JobError::Panicked(_)) => Err(PortError::internal(error)),
        Err(error) => Err(PortError::unavailable(RETRY_AFTER, error)),
    }
}

/// An export under way.
struct Reader {
    /// Between two parts it lies here, idle, and no thread is held. None once the export is over.
    snapshot: Option<Snapshot>,
    threads: Arc<ThreadPool>,
    ends_at: Instant,
    _place: Place,
}

#[async_trait]
impl ExportReader for Reader {
    async fn next(&mut self) -> Result<Option<ExportPart>, PortError> {
        // Taken out, so that after an error nothing is read any more.
        let snapshot = self.snapshot.take();
        let mut snapshot = snapshot.ok_or_else(|| PortError::internal("the export is over"))?;
        if Instant::now() >= self.ends_at {
            return Err(PortError::unavailable(RETRY_AFTER, "the export took too long"));
        }
        let job = move || snapshot.next().map(|part| (snapshot, part));
        let (snapshot, part) = of_job(self.threads.run(job).await)?;
        self.snapshot = part.is_some().then_some(snapshot);
        Ok(part)
    }
}

#[async_trait]
impl ExportRepository for PgExportRepository {
    async fn open(&self, user: UserId) -> Result<Option<Box<dyn ExportReader>>, PortError> {
        let place = self.places.take(user, self.settings.at_once)?;
        let ends_at = Instant::now() + self.settings.deadline;
        let url = self.url.clone();
        let snapshot = of_job(self.threads.run(move || Snapshot::take(&url, user)).await)?;
        Ok(snapshot.map(|snapshot| {
            let threads = Arc::clone(&self.threads);
            Box::new(Reader { snapshot: Some(snapshot), threads, ends_at, _place: place })
                as Box<dyn ExportReader>
        }))
    }
}
