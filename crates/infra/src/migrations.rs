//! The schema's changes, embedded in the binary and applied under a lock.

use std::collections::BTreeSet;
use std::error::Error;
use std::thread;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
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

#[allow(missing_docs, reason = "Diesel's own table")]
mod notes {
    diesel::table! {
        __diesel_schema_migrations (version) {
            version -> Text,
        }
    }
}
use notes::__diesel_schema_migrations;

diesel::define_sql_function! {
    /// The relation with this name; null if there is none.
    fn to_regclass(name: diesel::sql_types::Text) -> diesel::sql_types::Nullable<diesel::sql_types::Oid>;
}

/// How the schema of a database stands to this program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaState {
    /// The names of the migrations that are to be applied.
    pub pending: Vec<String>,
    /// The versions of migrations that were applied by a newer program.
    pub unknown: Vec<String>,
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
    run_watched(url, patience, &mut |_| ())
}

/// How far the migrating has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// How many migrations are applied by now.
    pub done: usize,
    /// How many there are to be applied.
    pub all: usize,
}

/// As [`run`]; `watch` is told at the beginning, and after each migration.
///
/// # Errors
/// See [`MigrationError`].
pub fn run_watched(
    url: &str,
    patience: Duration,
    watch: &mut dyn FnMut(Progress),
) -> Result<Vec<String>, MigrationError> {
    let mut connection = PgConnection::establish(url)?;
    connection.batch_execute("SET application_name = 'hongyan migrations'")?;
    notice_the_death_of_the_client(&mut connection);
    let deadline = Instant::now() + patience;
    while !diesel::select(pg_try_advisory_lock(LOCK)).get_result::<bool>(&mut connection)? {
        if Instant::now() >= deadline {
            return Err(MigrationError::Locked(patience));
        }
        thread::sleep(Duration::from_millis(50));
    }
    let pending = connection.pending_migrations(MIGRATIONS).map_err(MigrationError::Failed)?;
    let mut applied = Vec::new();
    watch(Progress { done: 0, all: pending.len() });
    for migration in &pending {
        connection.run_migration(migration).map_err(MigrationError::Failed)?;
        applied.push(migration.name().to_string());
        watch(Progress { done: applied.len(), all: pending.len() });
    }
    Ok(applied)
}

/// Has PostgreSQL look after the client also while a statement runs: a migration may take an hour, or wait for a lock for ever,
/// and would hold up everybody for as long.
fn notice_the_death_of_the_client(connection: &mut PgConnection) {
    if let Err(error) = connection.batch_execute("SET client_connection_check_interval = '1s'") {
        tracing::debug!(%error, "this PostgreSQL notices only after a statement that its client has gone");
    }
}

/// Compares a database's schema with this program's migrations, and changes nothing.
///
/// # Errors
/// See [`MigrationError`].
pub fn state(url: &str) -> Result<SchemaState, MigrationError> {
    let connection = &mut PgConnection::establish(url)?;
    let noted: Option<u32> =
        diesel::select(to_regclass("__diesel_schema_migrations")).get_result(connection)?;
    let applied: Vec<String> = match noted {
        Some(_) => {
            __diesel_schema_migrations::table.select(__diesel_schema_migrations::version).load(connection)?
        }
        None => Vec::new(),
    };
    compare(&applied.into_iter().collect())
}

/// Compares versions that were applied somewhere with this program's migrations.
///
/// # Errors
/// [`MigrationError::Failed`].
pub fn compare(applied: &BTreeSet<String>) -> Result<SchemaState, MigrationError> {
    let ours: Vec<Box<dyn Migration<Pg>>> = MIGRATIONS.migrations().map_err(MigrationError::Failed)?;
    let ours: Vec<(String, String)> = ours
        .iter()
        .map(|migration| (migration.name().version().to_string(), migration.name().to_string()))
        .collect();
    let known: BTreeSet<&String> = ours.iter().map(|(version, _)| version).collect();
    Ok(SchemaState {
        unknown: applied.iter().filter(|version| !known.contains(version)).cloned().collect(),
        pending: ours
            .iter()
            .filter(|(version, _)| !applied.contains(version))
            .map(|(_, name)| name.clone())
            .collect(),
    })
}
