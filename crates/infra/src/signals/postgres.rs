//! Transport of signals by `LISTEN` and `NOTIFY`, on a connection of its own.
//!
//! A notification is sent by a statement of its own: within a transaction that writes, it would hold a lock of the whole cluster across
//! the wait for the disk. A transaction that only notifies writes nothing that is waited for.

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::result::Error as QueryError;
use diesel::sql_types::{Array, Text};
use diesel::{PgConnection, RunQueryDsl};
use domain::error::PortError;

use super::exchange::ReceivedLine;
use super::link::LinkState;
use crate::db::{self, Db, DbError, statement};
use crate::runtime::watched_thread;
use crate::runtime::worker::StopSignal;

/// Time between two looks for what was received, while clients wait anywhere.
const LOOK: Duration = Duration::from_millis(10);
/// The same while none waits.
const IDLE: Duration = Duration::from_millis(250);
/// The shortest time between two notifications.
const PACE: Duration = Duration::from_millis(20);
/// Time between two checks of the connection.
const CHECK: Duration = Duration::from_secs(5);
/// How long the first notification may take to come back.
const ECHO: Duration = Duration::from_secs(5);

/// An operator finds the connection by its name.
const LISTEN: &str = "SET application_name = 'hongyan signals'; LISTEN hongyan_signals";

statement! {
    Notify<'a> { lines: &'a [String] } -> (Text);
    "SELECT pg_notify('hongyan_signals', l.line)::text FROM unnest(" [lines: Array<Text>] ") AS l (line)"
}

/// Why signals cannot be exchanged.
#[derive(Debug, thiserror::Error)]
pub(super) enum SignalError {
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

/// Connects, and exchanges signals until the connection is lost.
pub(super) fn serve(link: &LinkState, url: &str, stop: &StopSignal) -> Result<(), SignalError> {
    let mut connection = Db::connect(url)?;
    check(&mut connection)?;
    connection.batch_execute(LISTEN)?;
    notify(&mut connection, &[link.exchange.greeting()])?;
    let begun = Instant::now();
    let (mut is_heard, mut sent, mut checked) = (false, begun, begun);
    while !stop.is_stopped() {
        is_heard |= receive(link, &mut connection)?;
        if is_heard {
            link.up();
        } else if begun.elapsed() > ECHO {
            return Err(SignalError::Silent);
        }
        let lines = if is_heard && sent.elapsed() >= PACE { link.exchange.due() } else { Vec::new() };
        if !lines.is_empty() {
            notify(&mut connection, &lines)?;
            (sent, checked) = (Instant::now(), Instant::now());
        }
        if checked.elapsed() >= CHECK {
            check(&mut connection)?;
            checked = Instant::now();
        }
        if stop.wait(if link.exchange.is_busy() || !is_heard { LOOK } else { IDLE }).is_err() {
            break;
        }
    }
    Ok(())
}

/// Takes in what has arrived. Whether a line of this instance was among it.
fn receive(link: &LinkState, connection: &mut PgConnection) -> Result<bool, SignalError> {
    let mut is_heard = false;
    for notification in connection.notifications_iter() {
        match notification {
            Ok(found) => is_heard |= link.exchange.receive(&found.payload) == ReceivedLine::Own,
            // No text: it is of another application.
            Err(QueryError::DeserializationError(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(is_heard)
}

fn notify(connection: &mut PgConnection, lines: &[String]) -> Result<(), SignalError> {
    Notify { lines }.execute(connection)?;
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
