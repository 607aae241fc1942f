//! Schema migrations, embedded in the binary and applied under an advisory lock.

use std::collections::BTreeSet;
use std::error::Error;
use std::thread;
use std::time::{Duration, Instant};

use crate::diagnostics::{OtherEncoding, check_encoding};
use crate::pooling::{self, TransactionPooling};
use diesel::PgConnection;
use diesel::connection::SimpleConnection;
use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

/// All migrations, oldest first.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations");

/// Key of the advisory lock that a migrating instance holds: "hongyan" in ASCII, so that no other program uses it by chance.
const LOCK: i64 = 0x68_6f_6e_67_79_61_6e;

diesel::define_sql_function! {
    /// Takes a lock that is held until the connection ends; false when another session holds it.
    fn pg_try_advisory_lock(key: diesel::sql_types::BigInt) -> diesel::sql_types::Bool;
}

mod diesel_tables {
    diesel::table! {
        __diesel_schema_migrations (version) {
            version -> Text,
        }
    }
}
use diesel_tables::__diesel_schema_migrations;

diesel::define_sql_function! {
    /// The relation with this name; null if there is none.
    fn to_regclass(name: diesel::sql_types::Text) -> diesel::sql_types::Nullable<diesel::sql_types::Oid>;
}

/// A database's schema compared with this program's migrations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaState {
    /// Names of the migrations that are not applied yet.
    pub pending: Vec<String>,
    /// Versions of applied migrations that only a newer program knows.
    pub unknown: Vec<String>,
}

/// Why the schema could not be migrated or compared.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// No connection.
    #[error("the database cannot be reached: {0}")]
    Connect(#[from] diesel::ConnectionError),
    /// A query failed.
    #[error("the state of the schema cannot be read: {0}")]
    Query(#[from] diesel::result::Error),
    /// Another instance held the lock for too long.
    #[error("another instance has been migrating for {} seconds", .0.as_secs())]
    Locked(Duration),
    /// The database has a migration older than this program's first: an unreleased build created it.
    #[error(
        "the schema was created by an unreleased build of hongyan (migration {0}) and cannot be upgraded; \
         create a new database, or start with another data directory"
    )]
    Unreleased(String),
    /// The database has another encoding than UTF-8.
    #[error(transparent)]
    Encoding(#[from] OtherEncoding),
    /// A pooler mixes up sessions.
    #[error(transparent)]
    Pooling(#[from] TransactionPooling),
    /// A migration failed and was rolled back.
    #[error("a migration failed: {0}")]
    Failed(Box<dyn Error + Send + Sync>),
}

/// A migration may take long and must write, whatever the role or the database sets.
const SESSION: &str = "
    SET application_name = 'hongyan migrations';
    SET default_transaction_isolation = 'read committed';
    SET default_transaction_read_only = off;
    SET statement_timeout = 0;
    SET lock_timeout = 0;
    SET idle_in_transaction_session_timeout = 0;
    SET idle_session_timeout = 0";

/// Applies the pending migrations and returns their names.
///
/// Several instances may start at once: one migrates, the others wait for at most `max_wait`. The lock ends with the
/// connection, so an instance that is killed while it migrates blocks no other.
///
/// # Errors
/// See [`MigrationError`].
pub fn run(url: &str, max_wait: Duration) -> Result<Vec<String>, MigrationError> {
    run_watched(url, max_wait, &mut |_| ())
}

/// Progress of a migration run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Migrations applied so far.
    pub done: usize,
    /// Migrations to apply in total.
    pub all: usize,
}

/// As [`run`]; calls `watch` at the beginning and after each migration.
///
/// # Errors
/// See [`MigrationError`].
pub fn run_watched(
    url: &str,
    max_wait: Duration,
    watch: &mut dyn FnMut(Progress),
) -> Result<Vec<String>, MigrationError> {
    let mut connection = pooling::connect::<MigrationError>(url)?;
    connection.batch_execute(SESSION)?;
    check_encoding::<MigrationError>(&mut connection)?;
    enable_client_liveness_check(&mut connection);
    let deadline = Instant::now() + max_wait;
    while !diesel::select(pg_try_advisory_lock(LOCK)).get_result::<bool>(&mut connection)? {
        if Instant::now() >= deadline {
            return Err(MigrationError::Locked(max_wait));
        }
        thread::sleep(Duration::from_millis(50));
    }
    compare(&applied_versions(&mut connection)?)?;
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

/// Makes PostgreSQL check during a statement whether the client is still connected. Without this the statement of a killed
/// client, and with it the advisory lock, lives on until it finishes, which may take hours.
fn enable_client_liveness_check(connection: &mut PgConnection) {
    if let Err(error) = connection.batch_execute("SET client_connection_check_interval = '1s'") {
        tracing::debug!(%error, "this PostgreSQL cannot detect a lost client during a statement");
    }
}

/// Compares a database's schema with this program's migrations without changing it.
///
/// # Errors
/// See [`MigrationError`].
pub fn state(url: &str) -> Result<SchemaState, MigrationError> {
    let mut connection = pooling::connect::<MigrationError>(url)?;
    check_encoding::<MigrationError>(&mut connection)?;
    compare(&applied_versions(&mut connection)?)
}

fn applied_versions(connection: &mut PgConnection) -> Result<BTreeSet<String>, MigrationError> {
    let table: Option<u32> =
        diesel::select(to_regclass("__diesel_schema_migrations")).get_result(connection)?;
    if table.is_none() {
        return Ok(BTreeSet::new());
    }
    let versions: Vec<String> =
        __diesel_schema_migrations::table.select(__diesel_schema_migrations::version).load(connection)?;
    Ok(versions.into_iter().collect())
}

/// Compares applied versions with this program's migrations.
///
/// # Errors
/// [`MigrationError::Unreleased`], [`MigrationError::Failed`].
pub fn compare(applied: &BTreeSet<String>) -> Result<SchemaState, MigrationError> {
    let ours: Vec<Box<dyn Migration<Pg>>> = MIGRATIONS.migrations().map_err(MigrationError::Failed)?;
    let ours: Vec<(String, String)> = ours
        .iter()
        .map(|migration| (migration.name().version().to_string(), migration.name().to_string()))
        .collect();
    let known: BTreeSet<&String> = ours.iter().map(|(version, _)| version).collect();
    // Versions are dates and numbers of fixed length, so that their text sorts by age.
    if let Some(version) = applied.iter().find(|version| known.first().is_some_and(|first| version < first)) {
        return Err(MigrationError::Unreleased(version.clone()));
    }
    Ok(SchemaState {
        unknown: applied.iter().filter(|version| !known.contains(version)).cloned().collect(),
        pending: ours
            .iter()
            .filter(|(version, _)| !applied.contains(version))
            .map(|(_, name)| name.clone())
            .collect(),
    })
}
