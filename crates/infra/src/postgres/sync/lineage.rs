//! Lineages: witnesses that a database has everything that a cursor has seen.
//!
//! Transaction ids are comparable within one life of the database only: a file-level copy from an hour ago, a promoted standby that
//! missed the last commits, and a restored dump hand out ids again that other transactions had. All of them were started since, so
//! each start of PostgreSQL is a lineage with a random token, which cursors carry. A cursor of an earlier lineage is good if the
//! lineage's row says that all transactions that its snapshot could have seen were finished before the row was written: a copy with
//! the row has them. The row is written about once per second while there are changes.

use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Uuid as SqlUuid};
use uuid::Uuid;

use crate::db::{DbError, statement};
use crate::postgres::change::STAMP;

/// SQL condition: the row `l` is this server's present lineage.
pub(super) const IS_PRESENT: &str = "
    l.started_at = pg_postmaster_start_time()
    AND l.database = (SELECT d.oid::bigint FROM pg_database d WHERE d.datname = current_database())
    AND l.file = pg_relation_filenode('lineages')::bigint";

statement! {
    // Of instances that begin it at once, one inserts the row.
    BeginLineage<'a> { covered: &'a i64 } -> ();
    "INSERT INTO lineages (cluster, database, file, started_at, covered)
     SELECT (SELECT system_identifier FROM pg_control_system()),
            (SELECT d.oid::bigint FROM pg_database d WHERE d.datname = current_database()),
            pg_relation_filenode('lineages')::bigint, pg_postmaster_start_time(), " [covered: BigInt]
    " ON CONFLICT DO NOTHING"
}

statement! {
    // The statement's own transaction counts as finished if it is the only one after the snapshot, so that a quiet database is
    // covered wholly and is not written to again.
    Cover<'a> { token: &'a Uuid } -> ();
    "WITH snapshot AS MATERIALIZED (
          SELECT pg_snapshot_xmin(s)::text::bigint AS xmin, pg_snapshot_xmax(s)::text::bigint AS xmax
            FROM pg_current_snapshot() s)
     UPDATE lineages l
        SET covered = CASE WHEN s.xmin = s.xmax AND " {STAMP} " = s.xmax THEN s.xmax + 1 ELSE s.xmin END
       FROM snapshot s
      WHERE l.token = " [token: SqlUuid] " AND l.covered < s.xmin AND " {IS_PRESENT}
}

/// Begins the present lineage if no instance has.
pub(super) fn begin(connection: &mut PgConnection) -> Result<(), DbError> {
    BeginLineage { covered: &0 }.execute(connection)?;
    Ok(())
}

/// Notes in the present lineage which transactions are finished.
pub(super) fn cover(connection: &mut PgConnection, lineage: Uuid) -> Result<(), DbError> {
    Cover { token: &lineage }.execute(connection)?;
    Ok(())
}
