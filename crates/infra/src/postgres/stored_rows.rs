//! Gauges of how many rows are stored, estimated by PostgreSQL's statistics: a scrape must not count a table.

use std::io;
use std::sync::Arc;

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text};
use domain::error::PortError;
use prometheus::{IntGauge, Opts};

use crate::db::{Db, DbError, statement};
use crate::metrics::Collectors;

/// The tables whose rows are estimated, each with its gauge and the gauge's text.
const TABLES: [(&str, &str, &str); 3] = [
    ("users", "hongyan_users", "Accounts, erased ones included; estimated once a minute."),
    ("sessions", "hongyan_sessions", "Sessions, those that ended lately included; estimated once a minute."),
    ("messages", "hongyan_messages", "Messages stored; estimated once a minute."),
];

/// The estimates, and the database that they come from.
pub struct StoredRows {
    db: Arc<Db>,
    gauges: Vec<(&'static str, IntGauge)>,
}

statement! {
    // The statistics system counts rows as they change and forgets everything when PostgreSQL crashes; `reltuples` is of the last
    // VACUUM or ANALYZE, and negative before it. A partitioned table has the rows of its partitions.
    RowEstimates<'a> { tables: &'a [&'a str] } -> (Text, BigInt);
    "SELECT t.name, (sum(greatest(c.reltuples, s.n_live_tup, 0)))::bigint
       FROM unnest(" [tables: Array<Text>] ") AS t (name)
       JOIN pg_class c ON c.relkind = 'r' AND (c.oid = to_regclass(t.name)
            OR c.oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = to_regclass(t.name)))
       LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid
      GROUP BY t.name"
}

impl StoredRows {
    /// Estimates the rows in `db`; all are 0 before the first [`Self::refresh`].
    ///
    /// # Errors
    /// When a metric's name is invalid.
    pub fn new(db: Arc<Db>) -> io::Result<Self> {
        let gauge = |(table, name, help): (&'static str, &str, &str)| {
            IntGauge::with_opts(Opts::new(name, help)).map(|gauge| (table, gauge))
        };
        let gauges = TABLES.into_iter().map(gauge).collect::<Result<_, _>>().map_err(io::Error::other)?;
        Ok(Self { db, gauges })
    }

    /// The gauges.
    #[must_use]
    pub fn collectors(&self) -> Collectors {
        self.gauges.iter().map(|(_, gauge)| Box::new(gauge.clone()) as _).collect()
    }

    /// Reads the estimates.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn refresh(&self) -> Result<(), PortError> {
        let tables: Vec<&'static str> = self.gauges.iter().map(|(table, _)| *table).collect();
        let estimates: Vec<(String, i64)> = self
            .db
            .run(move |connection| Ok::<_, DbError>(RowEstimates { tables: &tables }.load(connection)?))
            .await?;
        for (table, gauge) in &self.gauges {
            if let Some((_, rows)) = estimates.iter().find(|(name, _)| name == table) {
                gauge.set(*rows);
            }
        }
        Ok(())
    }
}
