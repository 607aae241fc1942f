//! Schema migration at start-up, with retries while the database is unreachable or another instance migrates.

use std::time::{Duration, Instant};

use anyhow::Context;
use infra::migrations::{self, MigrationError, Progress};

/// Time limit for migrations of other instances.
const OTHERS_TIMEOUT: Duration = Duration::from_secs(600);
/// How long one attempt waits for the migration lock.
const LOCK_TIMEOUT: Duration = Duration::from_secs(1);

/// Observes a migration.
pub trait MigrationWatch {
    /// The database is unreachable; the migration waits for it.
    ///
    /// # Errors
    /// An error ends the wait and fails the migration.
    fn waiting(&mut self) -> anyhow::Result<()> {
        Ok(())
    }

    /// Some migrations are applied.
    fn progress(&mut self, _progress: Progress) {}
}

/// Observes nothing.
pub struct Unwatched;

impl MigrationWatch for Unwatched {}

/// Applies pending migrations and returns their names. Waits for an unreachable database for at most `timeout`, and for other
/// instances that migrate.
///
/// # Errors
/// When the database stays unreachable, a migration fails, or `watch` refuses to wait.
pub fn migrate(url: &str, timeout: Duration, watch: &mut dyn MigrationWatch) -> anyhow::Result<Vec<String>> {
    let begun = Instant::now();
    let mut pause = Duration::from_millis(100);
    loop {
        let error = match migrations::run_watched(url, LOCK_TIMEOUT, &mut |progress| watch.progress(progress))
        {
            Ok(applied) => return Ok(applied),
            Err(error) => error,
        };
        match &error {
            MigrationError::Connect(_) if begun.elapsed() < timeout => {
                tracing::warn!(%error, "waiting for the database");
                watch.waiting()?;
                std::thread::sleep(pause);
                pause = (pause * 2).min(Duration::from_secs(2));
            }
            MigrationError::Locked(_) if begun.elapsed() < OTHERS_TIMEOUT => {
                // No socket is bound here: other instances may be serving, and a refused connection makes a proxy pick one of
                // them, while it would pass a 503 on to the client.
                tracing::warn!("waiting for another instance to finish its migration");
            }
            _ => return Err(error).context("the database cannot be used"),
        }
    }
}
