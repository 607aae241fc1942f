//! Database sessions: connecting, and the session settings that all work relies on.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crossbeam_channel::bounded;
use diesel::connection::{Instrumentation, InstrumentationEvent, SimpleConnection};
use diesel::{Connection, PgConnection};

use crate::runtime::watched_thread::{self, StatementKind};

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

/// Why no connection was made.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    #[error(transparent)]
    Connect(#[from] diesel::ConnectionError),
    #[error(transparent)]
    Session(#[from] diesel::result::Error),
    #[error("no thread can be started: {0}")]
    Thread(#[from] std::io::Error),
    #[error("no server answers in time")]
    Stalled,
}

/// Connects and applies the session settings. The thread's watchdog, if it has one, sees every statement of the connection.
///
/// `stretch`: see [`super::Patience::stretch`].
pub(super) fn establish(url: &str, stretch: u32) -> Result<PgConnection, ConnectError> {
    let mut connection = PgConnection::establish(url)?;
    connection.set_instrumentation(StatementNotes(StatementKind::Alone));
    connection.batch_execute(&format!("{SESSION} SET statement_timeout = '{stretch}s';"))?;
    Ok(connection)
}

/// Opens sessions for a pool, whose few connecting threads must not stand still: libpq limits the time until the server accepts
/// the connection, and nothing the time after.
#[derive(Clone, Default)]
pub(super) struct Opener {
    /// Threads that connect.
    running: Arc<AtomicUsize>,
}

impl Opener {
    /// Longest time to connect and to apply the session settings. Two hosts that do not answer fit in.
    const TIMEOUT: Duration = Duration::from_secs(5);
    /// Connections that are opened at once, those included that stand still.
    const MAX_RUNNING: usize = 6;

    /// As [`establish`], within a time limit.
    pub(super) fn establish(&self, url: &str, stretch: u32) -> Result<PgConnection, ConnectError> {
        if self.running.load(Ordering::Relaxed) >= Self::MAX_RUNNING {
            return Err(ConnectError::Stalled);
        }
        let (sender, receiver) = bounded(1);
        let (running, url) = (Running::new(&self.running), url.to_owned());
        std::thread::Builder::new().name("db-session".to_owned()).spawn(move || {
            let established = establish(&url, stretch);
            drop(running);
            // A late session is closed.
            let _ = sender.send(established);
        })?;
        receiver.recv_timeout(Self::TIMEOUT).unwrap_or(Err(ConnectError::Stalled))
    }
}

/// Counts a thread while it runs.
struct Running(Arc<AtomicUsize>);

impl Running {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Notes the statements of a connection for the watchdog of the thread that uses it.
struct StatementNotes(StatementKind);

impl Instrumentation for StatementNotes {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        match event {
            InstrumentationEvent::StartQuery { .. } => watched_thread::begin_statement(self.0),
            InstrumentationEvent::FinishQuery { .. } => {
                watched_thread::end_statement();
                if self.0 == StatementKind::Commit {
                    self.0 = StatementKind::Alone;
                }
            }
            InstrumentationEvent::BeginTransaction { .. } => self.0 = StatementKind::InTransaction,
            InstrumentationEvent::CommitTransaction { depth, .. } if depth.get() == 1 => {
                self.0 = StatementKind::Commit;
            }
            InstrumentationEvent::RollbackTransaction { depth, .. } if depth.get() == 1 => {
                self.0 = StatementKind::Alone;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::patience::Patience;
    use super::*;

    #[test]
    fn waiting_for_a_thread_and_a_lock_takes_less_than_three_seconds() {
        assert!(SESSION.contains("SET lock_timeout = '2s';"));
        assert!(Patience::SERVER.thread + Duration::from_secs(2) < Duration::from_secs(3));
    }
}
