//! The background work that writes blocks: from time to time it goes through all conversations and writes what lags.
//!
//! Nothing tells it what was sent: what lags is seen from the rows, so that a crash at any moment loses nothing and the
//! send path pays nothing. Each step is a short transaction, followed by a rest of a multiple of its time, so that it takes
//! a small share of the machine however much there is to do. One instance at a time goes through; it holds a lock that
//! ends with its connection.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use diesel::PgConnection;
use diesel::prelude::*;
use uuid::Uuid;

use super::index::{self, Bounds};
use crate::db::{Connections, Db, DbError, Verdict};

/// What the instance that writes blocks locks on; any number will do if nobody else uses it ("search" in ASCII).
const LOCK: i64 = 0x73_65_61_72_63_68;
/// Conversations that are looked at in a step.
const CONVERSATIONS: i64 = 1000;
/// Conversations that are written in a step.
const TOGETHER: usize = 64;
/// Messages that a step reads at most.
const MESSAGES: i64 = 2048;

diesel::define_sql_function! {
    /// Takes a lock that lasts as long as the connection, if nobody else has it.
    fn pg_try_advisory_lock(key: diesel::sql_types::BigInt) -> diesel::sql_types::Bool;
}
diesel::define_sql_function! {
    /// Gives such a lock back.
    fn pg_advisory_unlock(key: diesel::sql_types::BigInt) -> diesel::sql_types::Bool;
}

/// How much the background work may take.
#[derive(Debug, Clone, Copy)]
pub struct IndexerSettings {
    /// How long it waits before it goes through all conversations again.
    pub pause: Duration,
    /// How long it rests after a step, as a multiple of the step's time.
    pub rest: u32,
    /// How long a conversation must have been silent to be written to its very end.
    pub silence: Duration,
}

/// The background work. It ends when this value is dropped.
pub struct SearchIndexer {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl SearchIndexer {
    /// Starts it on a thread of its own, with a connection of its own while it works.
    ///
    /// # Errors
    /// When the system starts no more threads.
    pub fn start(db: &Arc<Db>, settings: IndexerSettings) -> std::io::Result<Self> {
        let (stop, stopped) = bounded(0);
        let work = Work { connections: db.connections(), settings, stopped };
        let thread = std::thread::Builder::new().name("search-index".to_owned()).spawn(move || work.run())?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for SearchIndexer {
    fn drop(&mut self) {
        drop(self.stop.take());
        // A step is short. One that fails is of no concern any more.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Told to stop.
struct Stopped;

/// Why a pass ended early.
enum Ended {
    Stopped,
    Failed(DbError),
}

impl From<DbError> for Ended {
    fn from(error: DbError) -> Self {
        Self::Failed(error)
    }
}

impl From<diesel::result::Error> for Ended {
    fn from(error: diesel::result::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Stopped> for Ended {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

struct Work {
    connections: Connections,
    settings: IndexerSettings,
    stopped: Receiver<()>,
}

impl Work {
    fn run(&self) {
        loop {
            match catch_unwind(AssertUnwindSafe(|| self.pass_once())) {
                Ok(Ok(()) | Err(Ended::Stopped)) => {}
                // It goes on from what the rows say.
                Ok(Err(Ended::Failed(error))) => {
                    tracing::warn!(%error, "writing search blocks was interrupted")
                }
                Err(_) => tracing::error!("writing search blocks panicked; it goes on later"),
            }
            if self.wait(self.settings.pause).is_err() {
                return;
            }
        }
    }

    /// Waits, unless told to stop.
    fn wait(&self, time: Duration) -> Result<(), Stopped> {
        match self.stopped.recv_timeout(time) {
            Err(RecvTimeoutError::Timeout) => Ok(()),
            Ok(()) | Err(RecvTimeoutError::Disconnected) => Err(Stopped),
        }
    }

    /// Goes through all conversations once, if no other instance does.
    fn pass_once(&self) -> Result<(), Ended> {
        // The pool has said in the log already why there is no connection.
        let Ok(mut connection) = self.connections.take() else { return Ok(()) };
        let passed = self.pass(connection.inner());
        if let Err(Ended::Failed(error)) = &passed
            && error.verdict() == Verdict::ConnectionLost
        {
            self.connections.lost(connection);
        }
        passed
    }

    fn pass(&self, connection: &mut PgConnection) -> Result<(), Ended> {
        if !diesel::select(pg_try_advisory_lock(LOCK)).get_result::<bool>(connection)? {
            return Ok(());
        }
        let passed = self.go_through(connection);
        // A lost connection has given it back already.
        let unlocked = diesel::select(pg_advisory_unlock(LOCK)).get_result::<bool>(connection);
        passed?;
        unlocked?;
        Ok(())
    }

    fn go_through(&self, connection: &mut PgConnection) -> Result<(), Ended> {
        let bounds = Bounds { silence: self.settings.silence, messages: MESSAGES };
        let mut next = Some(Uuid::nil());
        while let Some(after) = next {
            let (end, lagging) = self.step(|| index::lagging(connection, after, CONVERSATIONS, bounds))?;
            for together in lagging.chunks(TOGETHER) {
                let mut left = together.to_vec();
                while !left.is_empty() {
                    left = self.step(|| {
                        connection.transaction(|connection| index::advance(connection, &left, bounds))
                    })?;
                }
            }
            next = end;
        }
        Ok(())
    }

    /// Does one thing and rests.
    fn step<T>(&self, work: impl FnOnce() -> Result<T, DbError>) -> Result<T, Ended> {
        let begun = Instant::now();
        let done = work()?;
        self.wait(begun.elapsed() * self.settings.rest)?;
        Ok(done)
    }
}
