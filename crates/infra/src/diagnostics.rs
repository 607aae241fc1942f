//! Database diagnostics for operators: version, durability settings, connections, language and clock.

use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use crate::db::clock_timestamp;
use crate::pooling::{self, TransactionPooling};
use crate::replication::{self, Replication};

diesel::define_sql_function! {
    /// The value of a setting.
    fn current_setting(name: diesel::sql_types::Text) -> diesel::sql_types::Text;
}

diesel::define_sql_function! {
    /// The schema that new tables are created in; null if the `search_path` leads to none.
    fn current_schema() -> diesel::sql_types::Nullable<diesel::sql_types::Text>;
}

mod views {
    diesel::table! {
        pg_settings (name) {
            name -> Text,
            reset_val -> Nullable<Text>,
        }
    }

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
use views::{pg_settings, pg_stat_activity, pg_tables};

/// Why a database cannot be inspected.
#[derive(Debug, thiserror::Error)]
pub enum InspectionError {
    /// No connection.
    #[error("the database cannot be reached: {0}")]
    Connect(#[from] diesel::ConnectionError),
    /// A query failed.
    #[error("the settings of the database cannot be read: {0}")]
    Query(#[from] diesel::result::Error),
    /// It has another encoding than UTF-8.
    #[error(transparent)]
    Encoding(#[from] OtherEncoding),
    /// A pooler mixes up sessions.
    #[error(transparent)]
    Pooling(#[from] TransactionPooling),
}

/// The database stores texts in another encoding than UTF-8.
#[derive(Debug, thiserror::Error)]
#[error(
    "the database has the encoding {0} and cannot store every text: create another one (CREATE DATABASE chat ENCODING 'UTF8' \
     TEMPLATE template0) and set DATABASE_URL to it"
)]
pub struct OtherEncoding(String);

/// Refuses a database that cannot store every text.
///
/// # Errors
/// [`OtherEncoding`], or why the encoding cannot be read.
pub(crate) fn check_encoding<E>(connection: &mut PgConnection) -> Result<(), E>
where
    E: From<diesel::result::Error> + From<OtherEncoding>,
{
    let encoding: String = diesel::select(current_setting("server_encoding")).get_result(connection)?;
    if encoding == "UTF8" { Ok(()) } else { Err(OtherEncoding(encoding).into()) }
}

/// The settings of a role or a database that would change what our statements do, with the values that PostgreSQL has by default.
/// Our own connections override them (`db/pool.rs`, `migrations.rs`); psql and other programs do not.
const OVERRIDDEN: [(&str, &str); 6] = [
    ("default_transaction_isolation", "read committed"),
    ("default_transaction_read_only", "off"),
    ("statement_timeout", "0"),
    ("lock_timeout", "0"),
    ("idle_in_transaction_session_timeout", "0"),
    ("idle_session_timeout", "0"),
];

/// The facts that matter to an operator.
#[derive(Debug, Clone)]
pub struct DatabaseFacts {
    /// The version as text, for example `16.4 (Debian 16.4-1)`.
    pub version: String,
    /// The major version.
    pub major: u32,
    /// Durability settings that are off, so that a crash can lose committed data.
    pub not_durable: Vec<&'static str>,
    /// Connections that clients other than superusers may have.
    pub max_connections: i64,
    /// Clients that are connected now.
    pub connections: i64,
    /// `lc_messages`, the language of its messages. Some errors are recognised by their English text.
    pub messages: String,
    /// Settings of the role or the database that our own connections override, such as `lock_timeout = 1s`.
    pub overridden: Vec<String>,
    /// Whether the `search_path` leads to a schema. Without one no table is found.
    pub has_schema: bool,
    /// Its standbys, or that it is one.
    pub replication: Replication,
    /// Its time when it was queried.
    pub clock: DateTime<Utc>,
}

impl DatabaseFacts {
    /// Whether the messages are in English, which telling errors apart relies on (see `db/error.rs`).
    #[must_use]
    pub fn has_english_messages(&self) -> bool {
        is_english(&self.messages)
    }
}

/// Whether PostgreSQL's messages are in English with this `lc_messages`. Unset, it is English too.
fn is_english(lc_messages: &str) -> bool {
    let language = lc_messages.split(['_', '.', '@', '-']).next().unwrap_or_default();
    ["", "C", "POSIX", "en"].contains(&language)
}

/// Reads the facts about a database.
///
/// # Errors
/// See [`InspectionError`].
pub fn inspect(url: &str) -> Result<DatabaseFacts, InspectionError> {
    let connection = &mut connect(url)?;
    check_encoding::<InspectionError>(connection)?;
    // This session sets none of these, so it sees the values that any other client gets.
    let not_durable = ["fsync", "full_page_writes", "synchronous_commit"].map(|name| {
        let is_off = setting(connection, name)? == "off";
        Ok::<_, InspectionError>(is_off.then_some(name))
    });
    let not_durable = not_durable.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
    let number: u32 = setting(connection, "server_version_num")?.parse().unwrap_or_default();
    let limit = |text: String| text.parse::<i64>().unwrap_or_default();
    let (all, reserved) = (
        limit(setting(connection, "max_connections")?),
        limit(setting(connection, "superuser_reserved_connections")?),
    );
    Ok(DatabaseFacts {
        version: setting(connection, "server_version")?,
        major: number / 10_000,
        not_durable,
        max_connections: all.saturating_sub(reserved),
        connections: pg_stat_activity::table
            .filter(pg_stat_activity::backend_type.eq("client backend"))
            .count()
            .get_result(connection)?,
        messages: setting(connection, "lc_messages")?,
        overridden: overridden(connection)?,
        has_schema: diesel::select(current_schema()).get_result::<Option<String>>(connection)?.is_some(),
        replication: replication::inspect(connection)?,
        clock: diesel::select(clock_timestamp()).get_result(connection)?,
    })
}

/// Whether a database, which must be able to store every text, has no tables besides PostgreSQL's own.
///
/// # Errors
/// See [`InspectionError`].
pub fn is_empty(url: &str) -> Result<bool, InspectionError> {
    let mut connection = connect(url)?;
    check_encoding::<InspectionError>(&mut connection)?;
    let tables: i64 = pg_tables::table
        .filter(pg_tables::schemaname.ne_all(["pg_catalog", "information_schema"]))
        .count()
        .get_result(&mut connection)?;
    Ok(tables == 0)
}

/// The settings of [`OVERRIDDEN`] that another program on this database would get.
fn overridden(connection: &mut PgConnection) -> Result<Vec<String>, InspectionError> {
    let mut found = Vec::new();
    for (name, default) in OVERRIDDEN {
        // The connection sets a time limit of its own.
        let value: Option<Option<String>> =
            pg_settings::table.find(name).select(pg_settings::reset_val).first(connection).optional()?;
        if let Some(value) = value.flatten().filter(|value| value != default) {
            found.push(format!("{name} = {value}"));
        }
    }
    Ok(found)
}

fn connect(url: &str) -> Result<PgConnection, InspectionError> {
    let mut connection = pooling::connect::<InspectionError>(url)?;
    connection.batch_execute("SET application_name = 'hongyan inspection'; SET statement_timeout = '5s'")?;
    Ok(connection)
}

fn setting(connection: &mut PgConnection, name: &str) -> Result<String, InspectionError> {
    Ok(diesel::select(current_setting(name)).get_result(connection)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_of_messages_follows_from_the_locale() {
        for english in ["", "C", "C.UTF-8", "POSIX", "en_US.UTF-8", "en_GB", "en-US"] {
            assert!(is_english(english), "{english}");
        }
        for other in ["zh_CN.UTF-8", "de_DE@euro", "Chinese_China.936", "ca_ES"] {
            assert!(!is_english(other), "{other}");
        }
    }
}
