//! The database as async code sees it: a thread pool in front of a connection pool, because Diesel blocks.
//!
//! Data flow: an adapter calls `Db::run`; the job waits in the bounded queue of the thread pool; its thread checks a
//! connection out of the pool, runs the statements and answers the waiting task. `ReadBatcher` shares one statement
//! between concurrent reads of one kind.

mod budget;
mod connector;
mod error;
mod id;
mod noted;
mod patience;
mod pool;
mod read_batcher;
mod session;
#[cfg(test)]
mod session_tests;
mod statement;
mod transaction;

use std::sync::Arc;
use std::time::Duration;

use diesel::PgConnection;
use diesel::prelude::*;
use domain::error::PortError;
use domain::number::saturating;

pub use budget::ConnectionBudget;
pub use connector::Connector;
pub(crate) use error::{DbError, ErrorClass};
pub(crate) use id::new_id;
pub(crate) use noted::Noted;
pub use patience::Patience;
pub(crate) use pool::Connections;
use pool::PoolLimits;
pub(crate) use read_batcher::ReadBatcher;
pub(crate) use statement::statement;
pub(crate) use transaction::{TransactionError, batch_transaction, in_transaction, transaction};

use crate::local_signals::LocalSignals;
use crate::metrics::{self, Collectors, Sampled};
use crate::runtime::thread_pool::{JobClass, PoolSize, ThreadPool};
use crate::runtime::watchdog::Watchdog;
use crate::runtime::watched_thread::StallLimits;
use crate::runtime::worker::Worker;

diesel::define_sql_function! {
    /// The database's clock at this moment, as opposed to `now()`, the start of the transaction.
    fn clock_timestamp() -> diesel::sql_types::Timestamptz;
}
diesel::define_sql_function! {
    /// The greater of two numbers.
    fn greatest(one: diesel::sql_types::BigInt, other: diesel::sql_types::BigInt) -> diesel::sql_types::BigInt;
}
diesel::define_sql_function! {
    /// The text in lower case.
    fn lower(text: diesel::sql_types::Text) -> diesel::sql_types::Text;
}

diesel::define_sql_function! {
    /// Whether this server is a standby.
    fn pg_is_in_recovery() -> diesel::sql_types::Bool;
}
diesel::define_sql_function! {
    /// The present value of a setting.
    fn current_setting(name: diesel::sql_types::Text) -> diesel::sql_types::Text;
}

/// How to reach the database, and how much to use of it. Not `Debug`: the URL may contain a password.
#[derive(Clone)]
pub struct DbSettings {
    /// A libpq URL or connection string.
    pub url: String,
    /// Threads for requests, each with a connection while it works.
    pub connections: u32,
    /// Further connections, for threads outside of this thread pool: [`ConnectionBudget::reserved`].
    pub reserved: u32,
    /// Jobs that may wait for a thread.
    pub queue: usize,
    /// How long they may wait.
    pub patience: Patience,
}

/// The database: a connection pool and the threads that use it.
pub struct Db {
    url: String,
    connections: Connections,
    threads: ThreadPool,
    thread_count: usize,
    queue: usize,
    patience: Patience,
    watchdog: Arc<Watchdog>,
    signals: Arc<LocalSignals>,
}

/// Threads that may write at once: the others serve reads, however long COMMITs and locks take.
const fn writing_of(threads: usize) -> usize {
    match threads {
        0 | 1 => threads,
        2..8 => threads - 1,
        _ => threads - threads / 4,
    }
}

impl Db {
    /// The `Retry-After` of every unavailable error.
    pub(crate) const RETRY_AFTER: Duration = patience::RETRY_AFTER;

    /// As [`Db::with_connector`], with a connector of its own.
    ///
    /// # Errors
    /// When the system cannot start another thread.
    pub fn new(settings: &DbSettings) -> std::io::Result<Self> {
        Self::with_connector(settings, &Connector::start())
    }

    /// Starts the threads. No connection is made before the first job, so the database may still be down. Pools of one process
    /// share a connector.
    ///
    /// # Errors
    /// When the system cannot start another thread.
    pub fn with_connector(settings: &DbSettings, connector: &Connector) -> std::io::Result<Self> {
        let help = "What database work failed with.";
        let errors = metrics::counters("hongyan_database_errors_total", help, "kind", &pool::ERROR_KINDS)?;
        let (url, queue) = (settings.url.clone(), settings.queue);
        let max_size = settings.connections.saturating_add(settings.reserved);
        let patience = settings.patience;
        let limits = PoolLimits { max_size, checkout: patience.connection, stretch: patience.stretch };
        let connections = Connections::new(url.clone(), limits, errors, connector);
        let count = saturating(settings.connections);
        let size = PoolSize { threads: count, writing: writing_of(count), capacity: queue };
        let watchdog = connector.watchdog();
        let worker = Worker::watched("db", &watchdog, StallLimits::REQUESTS.stretched(patience.stretch))?;
        let threads = ThreadPool::start("db", worker, size, patience.job_limits(patience.thread), || ())?;
        let signals = Arc::new(LocalSignals::new()?);
        Ok(Self { url, connections, threads, thread_count: count, queue, patience, watchdog, signals })
    }

    /// Reads: runs `work` on a thread, with a connection.
    ///
    /// `work` must be one statement or one transaction: it runs again when the database rolled it back to resolve a deadlock
    /// or a serialization conflict.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T, PortError>
    where
        T: Send + 'static,
        F: Fn(&mut PgConnection) -> Result<T, DbError> + Send + 'static,
    {
        self.run_as(JobClass::Read, work).await
    }

    /// As [`Db::run`], for work that writes.
    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T, PortError>
    where
        T: Send + 'static,
        F: Fn(&mut PgConnection) -> Result<T, DbError> + Send + 'static,
    {
        self.run_as(JobClass::Write, work).await
    }

    async fn run_as<T, F>(&self, class: JobClass, work: F) -> Result<T, PortError>
    where
        T: Send + 'static,
        F: Fn(&mut PgConnection) -> Result<T, DbError> + Send + 'static,
    {
        let connections = self.connections.clone();
        match self.threads.run(class, move || connections.with(&work)).await {
            Ok(result) => result,
            Err(error) => Err(error.into_port_error(Self::RETRY_AFTER)),
        }
    }

    /// As [`Db::write`], in a transaction.
    pub(crate) async fn transaction<T, F>(&self, work: F) -> Result<T, PortError>
    where
        T: Send + 'static,
        F: Fn(&mut PgConnection) -> Result<T, DbError> + Send + 'static,
    {
        self.write(move |connection| in_transaction(connection, &work)).await
    }

    /// As [`Db::transaction`], for work that changes what clients show: wakes those who wait for it after the commit.
    pub(crate) async fn change<T, F>(&self, work: F) -> Result<T, PortError>
    where
        T: Send + 'static,
        F: Fn(&mut PgConnection) -> Result<Noted<T>, DbError> + Send + 'static,
    {
        let noted = self.transaction(work).await?;
        Ok(self.announce(noted))
    }

    /// Wakes those who wait for a change that is committed, and returns its outcome.
    pub(crate) fn announce<T>(&self, noted: Noted<T>) -> T {
        self.signals.committed(noted.concerned);
        noted.outcome
    }

    /// The wake-ups of the transactions that are committed here.
    #[must_use]
    pub const fn signals(&self) -> &Arc<LocalSignals> {
        &self.signals
    }

    /// Metrics of the connection pool, the thread pool and the errors.
    ///
    /// # Errors
    /// When a metric's name is invalid.
    pub fn collectors(&self) -> std::io::Result<Collectors> {
        let (name, help) = ("hongyan_database_connections", "Connections to the database.");
        let (idle, busy) = (self.connections.clone(), self.connections.clone());
        let mut collectors = self.threads.collectors()?;
        collectors.push(Box::new(Sampled::new(name, help, Some(("state", "idle")), move || {
            saturating(idle.idle_and_open().0)
        })?));
        collectors.push(Box::new(Sampled::new(name, help, Some(("state", "busy")), move || {
            let (idle, open) = busy.idle_and_open();
            saturating(open.saturating_sub(idle))
        })?));
        collectors.push(Box::new(self.connections.errors()));
        Ok(collectors)
    }

    /// The connection pool, for threads outside of the thread pool; [`DbSettings::reserved`] accounts for them.
    pub(crate) fn connections(&self) -> Connections {
        self.connections.clone()
    }

    /// Queues a job that reports its result by its own means. False when the queue is full.
    pub(crate) fn try_spawn(&self, class: JobClass, job: impl FnOnce() + Send + 'static) -> bool {
        self.threads.try_spawn(class, job)
    }

    /// A worker whose threads use this database and are replaced when their connection stands still.
    ///
    /// # Errors
    /// When the name is invalid as a label.
    pub(crate) fn watched_worker(&self, name: &'static str, limits: StallLimits) -> std::io::Result<Worker> {
        Worker::watched(name, &self.watchdog, limits.stretched(self.patience.stretch))
    }

    /// Whether a thread stands still, of this pool or of another one with the same connector.
    #[must_use]
    pub fn stands_still(&self) -> bool {
        self.watchdog.is_stalled()
    }

    /// How long work on this database waits.
    pub(crate) const fn patience(&self) -> Patience {
        self.patience
    }

    /// The libpq URL.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Connects outside of any pool, with the same session settings.
    pub(crate) fn connect(url: &str) -> Result<PgConnection, PortError> {
        session::establish(url, Patience::SERVER.stretch)
            .map_err(|error| PortError::unavailable(Self::RETRY_AFTER, error))
    }

    /// Asks the database whether it accepts writes.
    ///
    /// # Errors
    /// When it does not answer, or accepts no writes.
    pub async fn ping(&self) -> Result<(), PortError> {
        self.run(|connection| {
            let (standby, read_only): (bool, String) =
                diesel::select((pg_is_in_recovery(), current_setting("transaction_read_only")))
                    .get_result(connection)?;
            if standby || read_only == "on" { Err(DbError::ReadOnly) } else { Ok(()) }
        })
        .await
    }
}

/// Whether the database accepts no writes because it is a standby.
pub(crate) fn is_standby(connection: &mut PgConnection) -> QueryResult<bool> {
    diesel::select(pg_is_in_recovery()).get_result(connection)
}

/// The database's time.
pub(crate) fn now(connection: &mut PgConnection) -> QueryResult<chrono::DateTime<chrono::Utc>> {
    diesel::select(clock_timestamp()).get_result(connection)
}
