//! Transport of signals by `LISTEN` and `NOTIFY`, on a connection of its own.
//!
//! A notification is sent by a statement of its own: within a transaction that writes, it would hold a lock of the whole cluster across
//! the wait for the disk. A transaction that only notifies writes nothing that is waited for.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::result::Error as QueryError;
use diesel::sql_types::Text;
use diesel::{PgConnection, RunQueryDsl};
use domain::error::PortError;
use domain::number::saturating;
use domain::realtime::TypingAudience;

use super::exchange::{Exchange, ReceivedLine};
use crate::db::{self, Db, DbError, statement};
use crate::metrics::{Collectors, Sampled};
use crate::runtime::watched_thread::{self, StallLimits};
use crate::runtime::worker::{StopSignal, Worker, WorkerHandle};

/// Time between two looks for what was received, while clients wait anywhere.
const LOOK: Duration = Duration::from_millis(25);
/// The same while none waits.
const IDLE: Duration = Duration::from_millis(250);
/// The shortest time between two notifications.
const PACE: Duration = Duration::from_millis(50);
/// Time between two checks of the connection.
const CHECK: Duration = Duration::from_secs(5);
/// How long the first notification may take to come back.
const ECHO: Duration = Duration::from_secs(5);
/// Pause before another connection is made.
const RETRY: Duration = Duration::from_secs(1);

/// An operator finds the connection by its name.
const LISTEN: &str = "SET application_name = 'hongyan signals'; LISTEN hongyan_signals";

statement! {
    Notify<'a> { line: &'a str } -> (Text);
    "SELECT pg_notify('hongyan_signals', " [line: Text] ")::text"
}

/// Why signals cannot be exchanged.
#[derive(Debug, thiserror::Error)]
enum SignalError {
    #[error(transparent)]
    Connect(#[from] PortError),
    #[error(transparent)]
    Statement(#[from] DbError),
    #[error("notifications do not arrive; a pooler in between has to keep sessions (pool_mode = session)")]
    Silent,
    #[error("the database stands still")]
    Stalled,
}

impl From<QueryError> for SignalError {
    fn from(error: QueryError) -> Self {
        Self::Statement(error.into())
    }
}

/// The thread that exchanges signals; it stops when this is dropped.
pub struct PostgresSignals {
    worker: Worker,
    running: WorkerHandle,
    is_connected: Arc<AtomicBool>,
}

impl PostgresSignals {
    /// Starts the thread, with a connection to the database of `db`. `audience` sees the typing reports of other instances.
    ///
    /// # Errors
    /// When the system cannot start another thread.
    pub fn start(db: &Db, audience: Arc<dyn TypingAudience>) -> io::Result<Self> {
        let is_connected = Arc::<AtomicBool>::default();
        let channel = Channel {
            exchange: Exchange::new(Arc::clone(db.signals()), audience)?,
            url: db.url().to_owned(),
            is_connected: Arc::clone(&is_connected),
            is_failing: AtomicBool::new(false),
        };
        let worker = Worker::watched("signals", db.watchdog(), StallLimits::REQUESTS)?;
        let running = worker.repeat(RETRY, move |stop| channel.step(stop))?;
        Ok(Self { worker, running, is_connected })
    }

    /// Stops the thread.
    pub fn finish(self) {
        self.running.stop();
    }

    /// Metrics of the thread and of its connection.
    ///
    /// # Errors
    /// When a metric's name is invalid.
    pub fn collectors(&self) -> io::Result<Collectors> {
        let is_connected = Arc::clone(&self.is_connected);
        let help = "Whether signals are exchanged with other instances.";
        let read = move || saturating(u8::from(is_connected.load(Ordering::Relaxed)));
        let mut collectors = self.worker.collectors()?;
        let label = Some(("transport", "postgres"));
        collectors.push(Box::new(Sampled::new("hongyan_signals_connected", help, label, read)?));
        Ok(collectors)
    }
}

struct Channel {
    exchange: Exchange,
    url: String,
    is_connected: Arc<AtomicBool>,
    /// Whether the last connection was lost: of consecutive losses only the first is logged.
    is_failing: AtomicBool,
}

impl Channel {
    /// Exchanges signals until the connection is lost.
    fn step(&self, stop: &StopSignal) {
        let ended = self.serve(stop);
        self.is_connected.store(false, Ordering::Relaxed);
        self.exchange.close();
        if let Err(error) = ended
            && !self.is_failing.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(%error, "cannot exchange signals; changes of other instances arrive with the poll");
        }
    }

    fn serve(&self, stop: &StopSignal) -> Result<(), SignalError> {
        let mut connection = Db::connect(&self.url)?;
        if db::is_standby(&mut connection)? {
            return Err(DbError::ReadOnly.into());
        }
        connection.batch_execute(LISTEN)?;
        notify(&mut connection, &self.exchange.greeting())?;
        let begun = Instant::now();
        let (mut is_heard, mut sent, mut checked) = (false, begun, begun);
        while !stop.is_stopped() {
            is_heard |= self.receive(&mut connection)?;
            if !is_heard && begun.elapsed() > ECHO {
                return Err(SignalError::Silent);
            }
            if is_heard && !self.is_connected.swap(true, Ordering::Relaxed) {
                self.is_failing.store(false, Ordering::Relaxed);
                tracing::debug!("signals are exchanged");
            }
            if is_heard
                && sent.elapsed() >= PACE
                && let Some(line) = self.exchange.due()
            {
                notify(&mut connection, &line)?;
                (sent, checked) = (Instant::now(), Instant::now());
            }
            if checked.elapsed() >= CHECK {
                check(&mut connection)?;
                checked = Instant::now();
            }
            if stop.wait(if self.exchange.is_busy() || !is_heard { LOOK } else { IDLE }).is_err() {
                break;
            }
        }
        Ok(())
    }

    /// Takes in what has arrived. Whether a line of this instance was among it.
    fn receive(&self, connection: &mut PgConnection) -> Result<bool, SignalError> {
        let mut is_heard = false;
        for notification in connection.notifications_iter() {
            match notification {
                Ok(found) => is_heard |= self.exchange.receive(&found.payload) == ReceivedLine::Own,
                // No text: it is of another application.
                Err(QueryError::DeserializationError(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(is_heard)
    }
}

fn notify(connection: &mut PgConnection, line: &str) -> Result<(), SignalError> {
    Notify { line }.execute(connection)?;
    still_used()
}

/// A connection that stands still is noticed by the watchdog, and a primary that has become a standby here.
fn check(connection: &mut PgConnection) -> Result<(), SignalError> {
    if db::is_standby(connection)? {
        return Err(DbError::ReadOnly.into());
    }
    still_used()
}

/// Another thread exchanges signals once this one was given up.
fn still_used() -> Result<(), SignalError> {
    if watched_thread::is_given_up() { Err(SignalError::Stalled) } else { Ok(()) }
}
