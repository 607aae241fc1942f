//! The schema's changes, embedded in the binary and applied under a lock.

use std::error::Error;
use std::thread;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::{Connection, PgConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

/// All changes of the schema, oldest first.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations");

/// What every instance locks on while it migrates; any number will do if nobody else uses it ("hongyan" in ASCII).
const LOCK: i64 = 0x68_6f_6e_67_79_61_6e;

diesel::define_sql_function! {
    /// Takes a lock that lasts as long as the connection, if nobody else has it.
    fn pg_try_advisory_lock(key: diesel::sql_types::BigInt) -> diesel::sql_types::Bool;
}

/// Why the schema could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// The database is not there.
    #[error("the database cannot be reached: {0}")]
    Connect(#[from] diesel::ConnectionError),
    /// A query failed.
    #[error("the migration lock cannot be asked for: {0}")]
    Query(#[from] diesel::result::Error),
    /// Another instance has been migrating for too long.
    #[error("another instance has been migrating for {} seconds", .0.as_secs())]
    Locked(Duration),
    /// A migration failed; it was rolled back.
    #[error("a migration failed: {0}")]
    Failed(Box<dyn Error + Send + Sync>),
}

/// Applies what is pending and returns the names of what it applied.
///
/// Several instances may start at once: one migrates, the others wait for at most `patience`. The lock goes away with
/// the connection, so that an instance that dies amid its work holds nobody up.
///
/// # Errors
/// See [`MigrationError`].
pub fn run(url: &str, patience: Duration) -> Result<Vec<String>, MigrationError> {
    let mut connection = PgConnection::establish(url)?;
    connection.batch_execute("SET application_name = 'hongyan migrations'")?;
    let deadline = Instant::now() + patience;
    while !diesel::select(pg_try_advisory_lock(LOCK)).get_result::<bool>(&mut connection)? {
        if Instant::now() >= deadline {
            return Err(MigrationError::Locked(patience));
        }
        thread::sleep(Duration::from_millis(50));
    }
    let applied = connection.run_pending_migrations(MIGRATIONS).map_err(MigrationError::Failed)?;
    Ok(applied.iter().map(ToString::to_string).collect())
}
