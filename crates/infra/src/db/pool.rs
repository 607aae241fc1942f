use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};

/// A pooled connection that knows when it is of no more use.
///
/// Diesel's own manager for r2d2 never looks at the socket, so that without a ping at every checkout a restart of
/// PostgreSQL would poison the pool.
pub(super) struct Pooled {
    pub(super) inner: PgConnection,
    pub(super) broken: bool,
    epoch: u64,
}

/// Counts the losses of connections. Where one was lost, those made before it are likely lost as well (PostgreSQL was
/// restarted), and are replaced before another request finds out.
#[derive(Debug, Clone, Default)]
pub(super) struct Epoch(Arc<AtomicU64>);

impl Epoch {
    fn now(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    /// Notes that this connection was lost, once for all that were made in the same epoch.
    pub(super) fn lost(&self, connection: &mut Pooled) {
        connection.broken = true;
        let epoch = connection.epoch;
        // Whoever comes second finds the epoch gone already.
        let _ = self.0.compare_exchange(epoch, epoch.wrapping_add(1), Ordering::AcqRel, Ordering::Acquire);
    }

    /// Whether the connection is of an epoch that is over; then it is of no more use.
    pub(super) fn is_over(&self, connection: &mut Pooled) -> bool {
        connection.broken |= connection.epoch != self.now();
        connection.broken
    }
}

/// Makes connections with the session settings that all our work relies on.
pub(super) struct Manager {
    url: String,
    epoch: Epoch,
}

impl Manager {
    /// A stuck query, a lock held by somebody else and a transaction left open all end by themselves. A commit is durable
    /// when it is answered, unless the server is set to even more than that.
    ///
    /// Each statement is planned once, for any parameters: all of them find their rows by keys, whatever is asked for.
    /// Left to itself PostgreSQL takes an array that it cannot see for longer than it is, holds the one plan for dear and
    /// makes a new one at every send, which costs as much as the send itself. Nor is anything here worth compiling,
    /// or worth remembering between the rows of a join, each of which has a key of its own.
    const SESSION: &str = "
        SET application_name = 'hongyan';
        SET TIME ZONE 'UTC';
        SET statement_timeout = '5s';
        SET lock_timeout = '2s';
        SET idle_in_transaction_session_timeout = '10s';
        SET plan_cache_mode = 'force_generic_plan';
        SET jit = off;
        SET enable_memoize = off;
        SELECT set_config('synchronous_commit', 'on', false)
            WHERE current_setting('synchronous_commit') = 'off';";

    pub(super) const fn new(url: String, epoch: Epoch) -> Self {
        Self { url, epoch }
    }
}

/// Why no connection was made.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    #[error(transparent)]
    Connect(#[from] diesel::ConnectionError),
    #[error(transparent)]
    Session(#[from] diesel::result::Error),
}

/// Makes a connection with the session settings that all our work relies on.
pub(super) fn establish(url: &str) -> Result<PgConnection, ConnectError> {
    let mut connection = PgConnection::establish(url)?;
    connection.batch_execute(Manager::SESSION)?;
    Ok(connection)
}

impl r2d2::ManageConnection for Manager {
    type Connection = Pooled;
    type Error = ConnectError;

    fn connect(&self) -> Result<Pooled, ConnectError> {
        let epoch = self.epoch.now();
        Ok(Pooled { inner: establish(&self.url)?, broken: false, epoch })
    }

    fn is_valid(&self, connection: &mut Pooled) -> Result<(), ConnectError> {
        Ok(connection.inner.batch_execute("SELECT 1")?)
    }

    fn has_broken(&self, connection: &mut Pooled) -> bool {
        // A job that panicked may have left a transaction open.
        connection.broken || std::thread::panicking()
    }
}

/// Says in the log why the pool cannot make a connection.
#[derive(Debug)]
pub(super) struct LogErrors;

impl<E: std::error::Error> r2d2::HandleError<E> for LogErrors {
    fn handle_error(&self, error: E) {
        tracing::warn!(error = %error, "the database cannot be reached");
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::db::Db;

    #[test]
    fn whoever_waits_for_a_thread_and_then_for_a_lock_is_answered_within_three_seconds() {
        assert!(Manager::SESSION.contains("SET lock_timeout = '2s';"));
        assert!(Db::PATIENCE + Duration::from_secs(2) < Duration::from_secs(3));
    }
}
