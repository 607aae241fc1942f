//! The connection pool (r2d2), which replaces all its connections after one of them was lost.
//!
//! A lost connection usually means that PostgreSQL restarted, so the other pooled connections are dead too. Without a ping
//! at every checkout each of them would fail one request. Instead every connection carries the generation in which it was
//! made, and a loss starts a new generation: connections of an older one are discarded at checkout.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use domain::error::PortError;
use prometheus::IntCounterVec;
use scheduled_thread_pool::ScheduledThreadPool;

use super::error::{DbError, ErrorClass};
use super::patience::RETRY_AFTER;

/// The value of the metric's `kind` label when no connection could be made in time.
const NO_CONNECTION: &str = "no_connection";
/// All values of that label.
pub(super) const ERROR_KINDS: [&str; 5] = [
    NO_CONNECTION,
    ErrorClass::RolledBack.name(),
    ErrorClass::ConnectionLost.name(),
    ErrorClass::Busy.name(),
    ErrorClass::Bug.name(),
];

/// A pooled connection and whether it is still usable.
///
/// Diesel's own r2d2 manager never looks at the socket. Without a ping at every checkout it would hand out dead connections
/// after a restart of PostgreSQL.
pub(super) struct Pooled {
    inner: PgConnection,
    broken: bool,
    generation: u64,
}

/// The current generation of the pool's connections; a lost connection ends it.
#[derive(Debug, Clone, Default)]
pub(super) struct PoolGeneration(Arc<AtomicU64>);

impl PoolGeneration {
    fn current(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    /// Marks the connection as broken and ends the generation in which it was made, once however many of it are lost.
    fn retire(&self, connection: &mut Pooled) {
        connection.broken = true;
        let generation = connection.generation;
        // A failed exchange means that another loss has ended this generation already.
        let _ = self.0.compare_exchange(
            generation,
            generation.wrapping_add(1),
            Ordering::AcqRel,
            Ordering::Acquire,
        );
    }

    /// Whether the connection is broken or of an ended generation; it is marked as broken then.
    fn is_stale(&self, connection: &mut Pooled) -> bool {
        connection.broken |= connection.generation != self.current();
        connection.broken
    }
}

/// Makes connections with the session settings that all work relies on.
struct Manager {
    url: String,
    generation: PoolGeneration,
}

impl Manager {
    /// Whatever the role or the database sets is overridden where it would change our transactions: their isolation, writing,
    /// time limits and plans. `transaction_timeout` exists from PostgreSQL 17 on.
    ///
    /// The timeouts end a stuck query, a wait for a lock and an abandoned transaction. A statement outside a transaction is a read
    /// of some milliseconds; one that takes a second would take it from all others (transactions have more, see
    /// `transaction.rs`). `synchronous_commit` makes a commit durable
    /// once it is acknowledged, on the standbys too, unless the server demands even more.
    ///
    /// `force_generic_plan`: every statement finds its rows by keys, so one plan serves all parameters. By default PostgreSQL
    /// overestimates arrays it has not seen, judges the generic plan too expensive and plans every send again, which costs as
    /// much as the send itself. For the same reason nothing is worth JIT compilation, and memoizing a join does not pay
    /// because each row has a key of its own. Hash and merge joins are off because they read whole tables, which PostgreSQL
    /// may prefer when one account has most of the rows.
    const SESSION: &str = "
        SET application_name = 'hongyan';
        SET TIME ZONE 'UTC';
        SET default_transaction_isolation = 'read committed';
        SET default_transaction_read_only = off;
        SET default_transaction_deferrable = off;
        SET idle_session_timeout = 0;
        SET statement_timeout = '1s';
        SET lock_timeout = '2s';
        SET idle_in_transaction_session_timeout = '10s';
        SET plan_cache_mode = 'force_generic_plan';
        SET jit = off;
        SET enable_memoize = off;
        SET enable_hashjoin = off;
        SET enable_mergejoin = off;
        SET enable_nestloop = on;
        SET enable_indexscan = on;
        SELECT set_config('transaction_timeout', '0', false)
            WHERE current_setting('transaction_timeout', true) <> '0';
        SELECT set_config('synchronous_commit', 'on', false)
            WHERE current_setting('synchronous_commit') IN ('off', 'local');";
}

/// Why no connection was made.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    #[error(transparent)]
    Connect(#[from] diesel::ConnectionError),
    #[error(transparent)]
    Session(#[from] diesel::result::Error),
}

/// Connects and applies the session settings.
pub(super) fn establish(url: &str) -> Result<PgConnection, ConnectError> {
    let mut connection = PgConnection::establish(url)?;
    connection.batch_execute(Manager::SESSION)?;
    Ok(connection)
}

impl r2d2::ManageConnection for Manager {
    type Connection = Pooled;
    type Error = ConnectError;

    fn connect(&self) -> Result<Pooled, ConnectError> {
        // Read before connecting: a loss in between makes this connection stale, never the other way round.
        let generation = self.generation.current();
        Ok(Pooled { inner: establish(&self.url)?, broken: false, generation })
    }

    fn is_valid(&self, connection: &mut Pooled) -> Result<(), ConnectError> {
        Ok(connection.inner.batch_execute("SELECT 1")?)
    }

    fn has_broken(&self, connection: &mut Pooled) -> bool {
        // A job that panicked may have left a transaction open.
        connection.broken || std::thread::panicking()
    }
}

/// Logs why the pool cannot make a connection.
#[derive(Debug)]
struct LogErrors;

impl<E: std::error::Error> r2d2::HandleError<E> for LogErrors {
    fn handle_error(&self, error: E) {
        tracing::warn!(error = %error, "cannot connect to the database");
    }
}

/// A connection of the pool; dropping it returns it.
pub(crate) struct PoolConnection(r2d2::PooledConnection<Manager>);

impl PoolConnection {
    /// The connection for Diesel.
    pub(crate) fn inner(&mut self) -> &mut PgConnection {
        &mut self.0.inner
    }
}

/// The threads that open connections, for any number of pools.
///
/// r2d2 opens connections in the background, so that a thread that waits for one gets whichever becomes free first.
#[derive(Clone)]
pub struct Connector(Arc<ScheduledThreadPool>);

impl Connector {
    /// Connections that are opened at once.
    const THREADS: usize = 3;

    /// Starts the threads.
    #[must_use]
    pub fn start() -> Self {
        let threads = ScheduledThreadPool::builder().num_threads(Self::THREADS);
        Self(Arc::new(threads.thread_name_pattern("db-connect-{}").build()))
    }
}

/// The limits of a pool.
#[derive(Debug, Clone, Copy)]
pub(super) struct PoolLimits {
    /// The maximum number of connections.
    pub(super) max_size: u32,
    /// Longest time that a thread waits for a connection.
    pub(super) checkout: Duration,
}

/// A handle on the pool, for threads that take their connections themselves.
#[derive(Clone)]
pub(crate) struct Connections {
    pool: r2d2::Pool<Manager>,
    generation: PoolGeneration,
    errors: IntCounterVec,
}

impl Connections {
    /// How often a transaction runs that the database rolls back to resolve a conflict.
    const MAX_ATTEMPTS: u32 = 3;

    /// A pool within these limits. No connection is made before the first checkout, so the database may still be down.
    /// `errors` counts errors by class.
    pub(super) fn new(url: String, limits: PoolLimits, errors: IntCounterVec, connector: &Connector) -> Self {
        let generation = PoolGeneration::default();
        let pool = r2d2::Pool::builder()
            .max_size(limits.max_size)
            .min_idle(Some(0))
            // A ping at every checkout would cost a round trip; the job that fails discovers a broken connection.
            .test_on_check_out(false)
            .max_lifetime(None)
            .idle_timeout(None)
            .connection_timeout(limits.checkout)
            .error_handler(Box::new(LogErrors))
            .thread_pool(Arc::clone(&connector.0))
            .build_unchecked(Manager { url, generation: generation.clone() });
        Self { pool, generation, errors }
    }

    /// Checks a connection out; stale ones are discarded on the way.
    pub(crate) fn take(&self) -> Result<PoolConnection, PortError> {
        loop {
            let mut connection = self.pool.get().map_err(|error| {
                self.errors.with_label_values(&[NO_CONNECTION]).inc();
                PortError::unavailable(RETRY_AFTER, error)
            })?;
            if !self.generation.is_stale(&mut connection) {
                return Ok(PoolConnection(connection));
            }
        }
    }

    /// Classifies an error and counts it.
    pub(crate) fn classify(&self, error: &DbError) -> ErrorClass {
        let class = error.class();
        self.errors.with_label_values(&[class.name()]).inc();
        class
    }

    /// Discards a lost connection and, at their next checkout, all others made before it.
    pub(crate) fn lost(&self, mut connection: PoolConnection) {
        self.generation.retire(&mut connection.0);
    }

    /// Runs `work` with a connection, and again when the database rolled it back to resolve a conflict.
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
            match self.classify(&error) {
                ErrorClass::RolledBack if attempt < Self::MAX_ATTEMPTS => {}
                ErrorClass::ConnectionLost => {
                    self.lost(connection);
                    return Err(PortError::unavailable(RETRY_AFTER, error));
                }
                ErrorClass::RolledBack | ErrorClass::Busy => {
                    return Err(PortError::unavailable(RETRY_AFTER, error));
                }
                ErrorClass::Bug => return Err(PortError::internal(error)),
            }
        }
        Err(PortError::internal("a transaction neither succeeded nor failed"))
    }

    /// Connections that wait in the pool, and all that are open.
    pub(super) fn idle_and_open(&self) -> (u32, u32) {
        let state = self.pool.state();
        (state.idle_connections, state.connections)
    }

    /// The counter of errors by class.
    pub(super) fn errors(&self) -> IntCounterVec {
        self.errors.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::super::patience::Patience;
    use super::*;

    #[test]
    fn waiting_for_a_thread_and_a_lock_takes_less_than_three_seconds() {
        assert!(Manager::SESSION.contains("SET lock_timeout = '2s';"));
        assert!(Patience::SERVER.thread + Duration::from_secs(2) < Duration::from_secs(3));
    }
}
