//! Signals between instances: a lossy broadcast of typing reports and of early notice of changes.
//!
//! A change that is signalled wakes those who wait for it on other instances before the change poll does. Nothing relies on it: a
//! signal that is lost costs the poll's time, and no statement that writes sends one or waits for one.
//!
//! | file | content |
//! |---|---|
//! | `outbox` | what waits to be sent, bounded |
//! | `batch` | the wire format |
//! | `exchange` | what is sent and what a received batch does, by whatever transport |
//! | `foreign` | messages that others have stored |
//! | `link` | the thread of a transport, which connects again and again |
//! | `postgres` | the transport by `LISTEN` and `NOTIFY` |
//! | `nats` | the transport by a NATS server |

mod batch;
mod exchange;
mod foreign;
mod link;
mod nats;
pub(crate) mod outbox;
mod postgres;

use std::io;
use std::sync::Arc;

use domain::realtime::TypingAudience;
use exchange::Exchange;
use foreign::ForeignMessages;
pub use link::SignalLink;
pub use nats::NatsAccess;

use crate::db::Db;
use crate::runtime::watched_thread::StallLimits;
use crate::runtime::worker::Worker;

/// The thread's name.
const WORKER: &str = "signals";

fn exchange(db: &Db, audience: Arc<dyn TypingAudience>) -> io::Result<Exchange> {
    Exchange::new(Arc::clone(db.signals()), audience, ForeignMessages::start(db)?)
}

impl SignalLink {
    /// Starts the transport by `LISTEN` and `NOTIFY`, with a connection to the database of `db`. `audience` sees the typing reports of
    /// other instances.
    ///
    /// # Errors
    /// When the system cannot start another thread.
    pub fn by_postgres(db: &Db, audience: Arc<dyn TypingAudience>) -> io::Result<Self> {
        let worker = db.watched_worker(WORKER, StallLimits::REQUESTS)?;
        let (exchange, url) = (exchange(db, audience)?, db.url().to_owned());
        Self::start(worker, "postgres", exchange, move |link, stop| postgres::serve(link, &url, stop))
    }

    /// Starts the transport by a NATS server, for the commits through `db`.
    ///
    /// # Errors
    /// When the system cannot start another thread.
    pub fn by_nats(db: &Db, access: NatsAccess, audience: Arc<dyn TypingAudience>) -> io::Result<Self> {
        let (worker, exchange) = (Worker::new(WORKER)?, exchange(db, audience)?);
        Self::start(worker, "nats", exchange, move |link, stop| nats::serve(link, &access, stop))
    }
}
