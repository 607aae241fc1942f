//! The readiness probe.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use api::ReadinessProbe;
use infra::db::{Connector, Db, DbSettings, Patience};
use infra::diagnostics::{self, DatabaseFacts};
use infra::runtime::worker::CommitMonitor;

use super::single_flight::SingleFlight;

/// Decides whether this instance can serve. It pings the database on a connection of its own, so that a busy pool is not taken
/// for a dead database.
pub(crate) struct Readiness {
    db: Db,
    commits: CommitMonitor,
    shutting_down: AtomicBool,
    draining: AtomicBool,
    not_durable: Vec<&'static str>,
    answer: SingleFlight,
}

impl Readiness {
    const PING_TIMEOUT: Duration = Duration::from_secs(1);

    pub(crate) fn new(
        database_url: &str,
        connector: &Connector,
        commits: CommitMonitor,
    ) -> anyhow::Result<Self> {
        let url = database_url.to_owned();
        let pool = DbSettings { url, connections: 1, reserved: 0, queue: 16, patience: Patience::SERVER };
        Ok(Self {
            db: Db::with_connector(&pool, connector)?,
            commits,
            shutting_down: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            not_durable: inspect_settings(database_url),
            answer: SingleFlight::default(),
        })
    }

    /// Reports the instance as not ready from now on.
    pub(crate) fn begin_shutdown(&self) {
        self.shutting_down.store(true, Ordering::Release);
    }

    /// Closes every connection after its next response from now on.
    pub(crate) fn drain_connections(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// Whether the instance is shutting down.
    pub(crate) fn is_shutting_down(&self) -> bool {
        self.shutting_down.load(Ordering::Acquire)
    }

    /// Database settings that can lose acknowledged messages, as they were at the start.
    pub(crate) fn not_durable(&self) -> &[&'static str] {
        &self.not_durable
    }

    /// Whether the COMMITs of messages return. Without the only synchronous standby they wait, while reads go on.
    pub(crate) fn commits_return(&self) -> bool {
        self.commits.commits_return()
    }

    /// Whether the database answers a ping in time.
    pub(crate) async fn database_answers(&self) -> bool {
        let ping =
            async || matches!(tokio::time::timeout(Self::PING_TIMEOUT, self.db.ping()).await, Ok(Ok(())));
        self.answer.get(ping).await
    }
}

/// Warns about settings of the database that break what the server promises; returns those that break durability.
fn inspect_settings(database_url: &str) -> Vec<&'static str> {
    match diagnostics::inspect(database_url) {
        Ok(facts) => {
            warn_unless_english(&facts);
            warn_if_not_durable(&facts.not_durable);
            for setting in &facts.overridden {
                tracing::warn!(
                    kind = setting,
                    setting,
                    "set for the role or the database; hongyan's own sessions override it"
                );
            }
            facts.not_durable
        }
        Err(error) => {
            tracing::warn!(%error, "cannot inspect the settings of the database");
            Vec::new()
        }
    }
}

/// Some errors are recognised by their English text (`infra/src/db/error.rs`). In another language a temporary error, such as
/// a lock timeout, becomes a 500 instead of a 503.
fn warn_unless_english(facts: &DatabaseFacts) {
    if !facts.has_english_messages() {
        tracing::warn!(
            lc_messages = facts.messages,
            "the database's messages are not English: temporary errors are answered with 500; ALTER DATABASE … SET lc_messages = 'C'"
        );
    }
}

/// Warns about settings that break durability.
fn warn_if_not_durable(not_durable: &[&'static str]) {
    for setting in not_durable {
        if *setting == "synchronous_commit" {
            tracing::warn!(
                "synchronous_commit of the database is off; hongyan turns it on for its own sessions"
            );
        } else {
            tracing::error!(
                kind = setting,
                setting,
                "DANGER: a durability setting of the database is off: acknowledged messages can be lost in a crash"
            );
        }
    }
}

#[async_trait::async_trait]
impl ReadinessProbe for Readiness {
    async fn is_ready(&self) -> bool {
        let answers = self.database_answers().await;
        answers && self.commits_return() && !self.is_shutting_down()
    }

    fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    fn stands_still(&self) -> bool {
        self.db.stands_still()
    }
}
