//! What a PostgreSQL says of itself, for those who look after it.

use chrono::{DateTime, Utc};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::{Connection, PgConnection};

use crate::db::clock_timestamp;

diesel::define_sql_function! {
    /// The value of a setting.
    fn current_setting(name: diesel::sql_types::Text) -> diesel::sql_types::Text;
}

#[allow(missing_docs, reason = "PostgreSQL's own views, described in its manual")]
mod views {
    diesel::table! {
        pg_stat_activity (pid) {
            pid -> Integer,
            backend_type -> Nullable<Text>,
        }
    }

    diesel::table! {
        pg_tables (schemaname, tablename) {
            schemaname -> Text,
            tablename -> Text,
        }
    }
}
use views::{pg_stat_activity, pg_tables};

/// Why a database cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum InspectionError {
    /// It is not there.
    #[error("the database cannot be reached: {0}")]
    Connect(#[from] diesel::ConnectionError),
    /// It does not say.
    #[error("the database does not say how it is set up: {0}")]
    Query(#[from] diesel::result::Error),
}

/// What a PostgreSQL says of itself.
#[derive(Debug, Clone)]
pub struct DatabaseFacts {
    /// Its version, for people.
    pub version: String,
    /// Its major version.
    pub major: u32,
    /// Settings that can lose what was committed, and that are set so that they do.
    pub not_durable: Vec<&'static str>,
    /// How many connections it takes from us.
    pub max_connections: i64,
    /// How many clients are connected.
    pub connections: i64,
    /// The language of its messages; errors are told apart by the English ones.
    pub messages: String,
    /// Its time when it was asked.
    pub clock: DateTime<Utc>,
}

/// Asks a database what it says of itself.
///
/// # Errors
/// See [`InspectionError`].
pub fn inspect(url: &str) -> Result<DatabaseFacts, InspectionError> {
    let connection = &mut connect(url)?;
    // Asked of a session that sets nothing: this is what others get who set nothing either.
    let not_durable = ["fsync", "full_page_writes", "synchronous_commit"].map(|name| {
        let is_off = setting(connection, name)? == "off";
        Ok::<_, InspectionError>(is_off.then_some(name))
    });
    let not_durable = not_durable.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
    let number: u32 = setting(connection, "server_version_num")?.parse().unwrap_or_default();
    let limit = |text: String| text.parse::<i64>().unwrap_or_default();
    let (most, reserved) = (
        limit(setting(connection, "max_connections")?),
        limit(setting(connection, "superuser_reserved_connections")?),
    );
    Ok(DatabaseFacts {
        version: setting(connection, "server_version")?,
        major: number / 10_000,
        not_durable,
        max_connections: most.saturating_sub(reserved),
        connections: pg_stat_activity::table
            .filter(pg_stat_activity::backend_type.eq("client backend"))
            .count()
            .get_result(connection)?,
        messages: setting(connection, "lc_messages")?,
        clock: diesel::select(clock_timestamp()).get_result(connection)?,
    })
}

/// Whether a database has no tables but PostgreSQL's own.
///
/// # Errors
/// See [`InspectionError`].
pub fn is_empty(url: &str) -> Result<bool, InspectionError> {
    let tables: i64 = pg_tables::table
        .filter(pg_tables::schemaname.ne_all(["pg_catalog", "information_schema"]))
        .count()
        .get_result(&mut connect(url)?)?;
    Ok(tables == 0)
}

fn connect(url: &str) -> Result<PgConnection, InspectionError> {
    let mut connection = PgConnection::establish(url)?;
    connection.batch_execute("SET application_name = 'hongyan inspection'; SET statement_timeout = '5s'")?;
    Ok(connection)
}

fn setting(connection: &mut PgConnection, name: &str) -> Result<String, InspectionError> {
    Ok(diesel::select(current_setting(name)).get_result(connection)?)
}
