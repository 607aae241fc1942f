//! The seam between async callers and Diesel, which blocks.

mod coalesce;
mod error;
mod pool;
mod statement;
mod transaction;

use std::time::Duration;

use diesel::PgConnection;
use diesel::prelude::*;
use domain::error::PortError;
use prometheus::IntCounterVec;

pub(crate) use coalesce::Coalesced;
pub(crate) use error::{DbError, Verdict};
pub(crate) use statement::statement;
pub(crate) use transaction::{Unfinished, transaction};

use crate::metrics::{self, Collectors, Sampled};
use crate::threads::{JobError, Threads};
use pool::{Epoch, Manager};

diesel::define_sql_function! {
    /// The database's clock at this very moment, not at the transaction's start.
    fn clock_timestamp() -> diesel::sql_types::Timestamptz;
}
diesel::define_sql_function! {
    /// The greater of the two.
    fn greatest(one: diesel::sql_types::BigInt, other: diesel::sql_types::BigInt) -> diesel::sql_types::BigInt;
}
diesel::define_sql_function! {
    /// The lower-case spelling.
    fn lower(text: diesel::sql_types::Text) -> diesel::sql_types::Text;
}

/// How the database is reached.
#[derive(Debug, Clone)]
pub struct DbSettings {
    /// A libpq URL or connection string.
    pub url: String,
    /// Connections, each with a thread of its own.
    pub connections: u32,
    /// Connections for those who bring threads of their own.
    pub reserved: u32,
    /// Jobs that may wait for a thread.
    pub queue: usize,
}

/// The database: a pool of connections and the threads that use them.
pub struct Db {
    url: String,
    connections: Connections,
    threads: Threads,
    thread_count: usize,
    queue: usize,
}

/// A connection of the pool; it goes back there when this value is dropped.
pub(crate) struct PoolConnection(r2d2::PooledConnection<Manager>);

impl PoolConnection {
    /// What Diesel works on.
    pub(crate) fn inner(&mut self) -> &mut PgConnection {
        &mut self.0.inner
    }
}

/// The pool, and the count of losses that its connections are measured by.
#[derive(Clone)]
pub(crate) struct Connections {
    pool: r2d2::Pool<Manager>,
    epoch: Epoch,
    errors: IntCounterVec,
}

impl Db {
    /// How long anybody waits for a thread before he is told to come again. Behind it may lie a wait for a lock, of two seconds at
    /// the most, and nobody is to wait for more than three.
    pub const PATIENCE: Duration = Duration::from_millis(900);
    /// How long a thread waits for a connection.
    const CONNECTION_PATIENCE: Duration = Duration::from_secs(2);
    /// What a caller is told to wait.
    pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(1);
    /// How often a transaction is tried that the database itself rolled back to break a tie.
    const TRIES: u32 = 3;

    /// Sets the pool up. No connection is made before the first job, so the database may still be away.
    ///
    /// # Errors
    /// When the system starts no more threads.
    pub fn new(settings: &DbSettings) -> std::io::Result<Self> {
        let epoch = Epoch::default();
        let pool = r2d2::Pool::builder()
            .max_size(settings.connections.saturating_add(settings.reserved))
            .min_idle(Some(0))
            // A broken connection is noticed by the job that it fails, so that the others pay for no ping.
            .test_on_check_out(false)
            .max_lifetime(None)
            .idle_timeout(None)
            .connection_timeout(Self::CONNECTION_PATIENCE)
            .error_handler(Box::new(pool::LogErrors))
            .build_unchecked(Manager::new(settings.url.clone(), epoch.clone()));
        let count = usize::try_from(settings.connections).unwrap_or(usize::MAX);
        let help = "What database work failed with.";
        let errors = metrics::counters("hongyan_database_errors_total", help, "kind")?;
        let connections = Connections { pool, epoch, errors };
        let threads = Threads::start("db", count, settings.queue, Self::PATIENCE)?;
        let (url, queue) = (settings.url.clone(), settings.queue);
        Ok(Self { url, connections, threads, thread_count: count, queue })
    }

    /// Runs `work` on a thread with a connection of its own.
    ///
    /// `work` must be one transaction or one statement, because it is run again when the database rolled it back as the
    /// victim of a deadlock.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T, PortError>
    where
        T: Send + 'static,
        F: Fn(&mut PgConnection) -> Result<T, DbError> + Send + 'static,
    {
        let connections = self.connections.clone();
        match self.threads.run(move || connections.with(&work)).await {
            Ok(result) => result,
            Err(error @ JobError::Panicked(_)) => Err(PortError::internal(error)),
            Err(error) => Err(PortError::unavailable(Self::RETRY_AFTER, error)),
        }
    }

    /// Runs `work` in a transaction, on a thread with a connection of its own.
    pub(crate) async fn transaction<T, F>(&self, work: F) -> Result<T, PortError>
    where
        T: Send + 'static,
        F: Fn(&mut PgConnection) -> Result<T, DbError> + Send + 'static,
    {
        self.run(move |connection| connection.transaction(&work)).await
    }

    /// The pool, its threads and what went wrong.
    ///
    /// # Errors
    /// When a name cannot be used.
    pub fn collectors(&self) -> std::io::Result<Collectors> {
        let (name, help) = ("hongyan_database_connections", "Connections to the database.");
        let (idle, all) = (self.connections.pool.clone(), self.connections.pool.clone());
        let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        let mut collectors = self.threads.collectors()?;
        collectors.push(Box::new(Sampled::new(name, help, Some(("state", "idle")), move || {
            count(idle.state().idle_connections)
        })?));
        collectors.push(Box::new(Sampled::new(name, help, Some(("state", "busy")), move || {
            let state = all.state();
            count(state.connections.saturating_sub(state.idle_connections))
        })?));
        collectors.push(Box::new(self.connections.errors.clone()));
        Ok(collectors)
    }

    /// The connections, for threads of one's own.
    pub(crate) fn connections(&self) -> Connections {
        self.connections.clone()
    }

    /// Leaves a job to the threads; it has its own way to answer. Is false when too many wait already.
    pub(crate) fn post(&self, job: impl FnOnce() + Send + 'static) -> bool {
        self.threads.post(job)
    }

    /// How the database is reached.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Makes a connection outside of any pool, with the same settings.
    pub(crate) fn connect(url: &str) -> Result<PgConnection, PortError> {
        pool::establish(url).map_err(|error| PortError::unavailable(Self::RETRY_AFTER, error))
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// When it gives none.
    pub async fn ping(&self) -> Result<(), PortError> {
        self.run(|connection| Ok(diesel::select(clock_timestamp()).execute(connection).map(|_| ())?)).await
    }
}

impl Connections {
    /// Takes a connection that is not known to be lost.
    pub(crate) fn take(&self) -> Result<PoolConnection, PortError> {
        loop {
            let mut connection = self.pool.get().map_err(|error| {
                self.errors.with_label_values(&["no_connection"]).inc();
                PortError::unavailable(Db::RETRY_AFTER, error)
            })?;
            if !self.epoch.is_over(&mut connection) {
                return Ok(PoolConnection(connection));
            }
        }
    }

    /// What is to be done about an error, which is counted.
    pub(crate) fn judge(&self, error: &DbError) -> Verdict {
        let verdict = error.verdict();
        self.errors.with_label_values(&[verdict.name()]).inc();
        verdict
    }

    /// Notes that a connection was lost, and gives it up.
    pub(crate) fn lost(&self, mut connection: PoolConnection) {
        self.epoch.lost(&mut connection.0);
    }

    /// Runs `work` with a connection, again when the database rolled it back to break a tie.
    pub(crate) fn with<T>(
        &self,
        work: &impl Fn(&mut PgConnection) -> Result<T, DbError>,
    ) -> Result<T, PortError> {
        let mut connection = self.take()?;
        for attempt in 1.. {
            let error = match work(connection.inner()) {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            match self.judge(&error) {
                Verdict::RolledBack if attempt < Db::TRIES => {}
                Verdict::ConnectionLost => {
                    self.lost(connection);
                    return Err(PortError::unavailable(Db::RETRY_AFTER, error));
                }
                Verdict::RolledBack | Verdict::Busy => {
                    return Err(PortError::unavailable(Db::RETRY_AFTER, error));
                }
                Verdict::Bug => return Err(PortError::internal(error)),
            }
        }
        Err(PortError::internal("a transaction was neither committed nor given up"))
    }
}

/// The database's clock.
pub(crate) fn now(connection: &mut PgConnection) -> QueryResult<chrono::DateTime<chrono::Utc>> {
    diesel::select(clock_timestamp()).get_result(connection)
}
