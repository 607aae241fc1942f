//! Detects a pooler that pools transactions, such as `PgBouncer` with `pool_mode = transaction`.
//!
//! Such a pooler gives each transaction whichever server connection is free. Session settings, prepared statements and advisory
//! locks, which all of this crate relies on, would belong to one client now and to another then. Two connections are enough to
//! notice it, even if the pooler has a single server connection: a server process that two open connections share, or a
//! connection that changes its process, exists behind such a pooler only.

use diesel::connection::CacheSize;
use diesel::prelude::*;
use diesel::{Connection, PgConnection};

diesel::define_sql_function! {
    /// The server process of this connection.
    fn pg_backend_pid() -> diesel::sql_types::Integer;
}
diesel::define_sql_function! {
    /// When the server started: two servers may have processes with one number.
    fn pg_postmaster_start_time() -> diesel::sql_types::Timestamptz;
}

/// The database is behind a pooler that pools transactions.
#[derive(Debug, thiserror::Error)]
#[error(
    "DATABASE_URL leads to a pooler that pools transactions, which mixes up the sessions of its clients: set pool_mode = session \
     for this database in PgBouncer, or connect to PostgreSQL directly"
)]
pub struct TransactionPooling;

/// A server process.
type Process = (i32, chrono::DateTime<chrono::Utc>);

fn process(connection: &mut PgConnection) -> QueryResult<Process> {
    diesel::select((pg_backend_pid(), pg_postmaster_start_time())).get_result(connection)
}

/// Connects to a database, unless it is behind a pooler that pools transactions.
///
/// # Errors
/// [`TransactionPooling`], or why the database cannot be asked.
pub(crate) fn connect<E>(url: &str) -> Result<PgConnection, E>
where
    E: From<ConnectionError> + From<diesel::result::Error> + From<TransactionPooling>,
{
    let opened = PgConnection::establish(url).and_then(|one| Ok((one, PgConnection::establish(url)?)));
    let (mut one, mut other) = match opened {
        Ok(opened) => opened,
        Err(ConnectionError::CouldntSetupConfiguration(error)) if is_of_pooling(&error) => {
            return Err(TransactionPooling.into());
        }
        Err(error) => return Err(error.into()),
    };
    match shares_processes(&mut one, &mut other) {
        Ok(false) => Ok(one),
        Ok(true) => Err(TransactionPooling.into()),
        Err(error) if is_of_pooling(&error) => Err(TransactionPooling.into()),
        Err(error) => Err(error.into()),
    }
}

/// Whether two open connections share a server process, or one of them changes its process. No statement is prepared by name: behind
/// such a pooler another client's statement may have the name.
fn shares_processes(one: &mut PgConnection, other: &mut PgConnection) -> QueryResult<bool> {
    /// A busy pooler may give one connection the same server process by chance.
    const ROUNDS: usize = 5;
    one.set_prepared_statement_cache_size(CacheSize::Disabled);
    other.set_prepared_statement_cache_size(CacheSize::Disabled);
    let (own, others) = (process(one)?, process(other)?);
    for _ in 0..ROUNDS {
        // Twice in a row each: a pooler that takes turns may serve two connections by two processes in step.
        let (own_now, others_now) = ([process(one)?, process(one)?], [process(other)?, process(other)?]);
        if own == others || own_now != [own; 2] || others_now != [others; 2] {
            return Ok(true);
        }
    }
    one.set_prepared_statement_cache_size(CacheSize::Unbounded);
    Ok(false)
}

/// Whether a prepared statement is another client's, or on another server connection.
fn is_of_pooling(error: &diesel::result::Error) -> bool {
    error.to_string().contains("prepared statement")
}
