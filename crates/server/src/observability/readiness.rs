//! Whether an instance can serve.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use api::ReadinessProbe;
use infra::db::{Db, DbSettings};
use infra::diagnostics;

/// Whether this instance can serve. It asks by a connection of its own, so that a busy pool is not taken for a dead
/// database.
pub(crate) struct Readiness {
    db: Db,
    draining: AtomicBool,
    leaving: AtomicBool,
    not_durable: Vec<&'static str>,
}

impl Readiness {
    const PATIENCE: Duration = Duration::from_secs(1);

    pub(crate) fn new(database_url: &str) -> anyhow::Result<Self> {
        let db =
            Db::new(&DbSettings { url: database_url.to_owned(), connections: 1, reserved: 0, queue: 16 })?;
        Ok(Self {
            db,
            draining: AtomicBool::new(false),
            leaving: AtomicBool::new(false),
            not_durable: look_for_danger(database_url),
        })
    }

    /// Tells everybody from now on that the instance is about to stop.
    pub(crate) fn stop(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// Has every connection closed behind its next answer from now on.
    pub(crate) fn take_leave(&self) {
        self.leaving.store(true, Ordering::Release);
    }

    /// Whether the instance is about to stop.
    pub(crate) fn is_stopping(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Settings of the database that can lose what was acknowledged, as they were at the start.
    pub(crate) fn not_durable(&self) -> &[&'static str] {
        &self.not_durable
    }

    /// Whether the database gives a sign of life in time.
    pub(crate) async fn database_answers(&self) -> bool {
        matches!(tokio::time::timeout(Self::PATIENCE, self.db.ping()).await, Ok(Ok(())))
    }
}

/// Says loudly what would break the promise that an acknowledged message is durable.
fn look_for_danger(database_url: &str) -> Vec<&'static str> {
    let not_durable = match diagnostics::inspect(database_url) {
        Ok(facts) => facts.not_durable,
        Err(error) => {
            tracing::warn!(%error, "whether the database keeps what is committed is not known");
            return Vec::new();
        }
    };
    for setting in &not_durable {
        if *setting == "synchronous_commit" {
            tracing::warn!(
                "the database's synchronous_commit is off; it is turned on for hongyan's own work"
            );
        } else {
            tracing::error!(
                setting,
                "DANGER: this setting of the database is off, so that a crash can lose or break what was acknowledged"
            );
        }
    }
    not_durable
}

#[async_trait::async_trait]
impl ReadinessProbe for Readiness {
    async fn is_ready(&self) -> bool {
        let answers = self.database_answers().await;
        answers && !self.is_stopping()
    }

    fn is_draining(&self) -> bool {
        self.leaving.load(Ordering::Acquire)
    }
}
