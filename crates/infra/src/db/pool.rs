//! The connection pool (r2d2), which replaces all its connections after one of them was lost.
//!
//! A lost connection usually means that PostgreSQL restarted, so the other pooled connections are dead too. Without a ping
//! at every checkout each of them would fail one request. Instead every connection carries the generation in which it was
//! made, and a loss starts a new generation: connections of an older one are discarded at checkout.
//!
//! A connection that stands still counts as lost, too. The watchdog takes it from the pool's account, while the thread that waits
//! for it keeps it until its statement returns. So what the pool lends lies apart from the pool's own entry, the [`Checkout`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use diesel::PgConnection;
use domain::error::PortError;
use parking_lot::Mutex;
use prometheus::IntCounterVec;

use super::connector::Connector;
use super::error::{DbError, ErrorClass};
use super::patience::RETRY_AFTER;
use super::session::{self, ConnectError};
use crate::runtime::watched_thread::{self, Held};

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
    /// `None` while a thread works with it.
    inner: Option<PgConnection>,
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
    stretch: u32,
    generation: PoolGeneration,
    sessions: session::Opener,
}

impl r2d2::ManageConnection for Manager {
    type Connection = Pooled;
    type Error = ConnectError;

    fn connect(&self) -> Result<Pooled, ConnectError> {
        // Read before connecting: a loss in between makes this connection stale, never the other way round.
        let generation = self.generation.current();
        Ok(Pooled {
            inner: Some(self.sessions.establish(&self.url, self.stretch)?),
            broken: false,
            generation,
        })
    }

    /// Never called: no connection is tested at its checkout.
    fn is_valid(&self, _connection: &mut Pooled) -> Result<(), ConnectError> {
        Ok(())
    }

    fn has_broken(&self, connection: &mut Pooled) -> bool {
        // A job that panicked may have left a transaction open.
        connection.broken || connection.inner.is_none() || std::thread::panicking()
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

/// The pool's entry of a connection that is lent.
struct Checkout {
    /// `None` once the connection is no longer on the pool's account.
    entry: Mutex<Option<r2d2::PooledConnection<Manager>>>,
    generation: PoolGeneration,
}

impl Held for Checkout {
    fn give_up(&self) {
        if let Some(mut entry) = self.entry.lock().take() {
            self.generation.retire(&mut entry);
        }
    }
}

/// A connection of the pool; dropping it returns it.
pub(crate) struct PoolConnection {
    /// Always there until the drop.
    connection: Option<PgConnection>,
    checkout: Arc<Checkout>,
}

impl PoolConnection {
    /// The connection for Diesel.
    ///
    /// # Errors
    /// Never: the connection is there until the drop.
    pub(crate) fn inner(&mut self) -> Result<&mut PgConnection, DbError> {
        self.connection.as_mut().ok_or(DbError::Impossible("a connection of the pool is not there"))
    }
}

impl Drop for PoolConnection {
    fn drop(&mut self) {
        watched_thread::release();
        // Without an entry the connection was given up, and is closed.
        if let Some(mut entry) = self.checkout.entry.lock().take() {
            entry.inner = self.connection.take();
        }
    }
}

/// The limits of a pool.
#[derive(Debug, Clone, Copy)]
pub(super) struct PoolLimits {
    /// The maximum number of connections.
    pub(super) max_size: u32,
    /// Longest time that a thread waits for a connection.
    pub(super) checkout: Duration,
    /// See [`super::Patience::stretch`].
    pub(super) stretch: u32,
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
            .thread_pool(Arc::clone(&connector.threads))
            .build_unchecked(Manager {
                url,
                stretch: limits.stretch,
                generation: generation.clone(),
                sessions: session::Opener::default(),
            });
        Self { pool, generation, errors }
    }

    /// Checks a connection out; stale ones are discarded on the way.
    pub(crate) fn take(&self) -> Result<PoolConnection, PortError> {
        loop {
            let mut entry = self.pool.get().map_err(|error| {
                self.errors.with_label_values(&[NO_CONNECTION]).inc();
                PortError::unavailable(RETRY_AFTER, error)
            })?;
            if self.generation.is_stale(&mut entry) {
                continue;
            }
            if let Some(connection) = entry.inner.take() {
                let (entry, generation) = (Mutex::new(Some(entry)), self.generation.clone());
                let checkout = Arc::new(Checkout { entry, generation });
                watched_thread::hold(Arc::<Checkout>::clone(&checkout));
                return Ok(PoolConnection { connection: Some(connection), checkout });
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
    #[expect(
        clippy::unused_self,
        clippy::needless_pass_by_value,
        reason = "a lost connection is used no more"
    )]
    pub(crate) fn lost(&self, connection: PoolConnection) {
        connection.checkout.give_up();
    }

    /// Runs `work` with a connection, and again when the database rolled it back to resolve a conflict.
    pub(crate) fn with<T>(
        &self,
        work: &impl Fn(&mut PgConnection) -> Result<T, DbError>,
    ) -> Result<T, PortError> {
        let mut connection = self.take()?;
        for attempt in 1.. {
            let error = match connection.inner().and_then(work) {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            match self.classify(&error) {
                ErrorClass::RolledBack if attempt < Self::MAX_ATTEMPTS && !watched_thread::is_given_up() => {}
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
