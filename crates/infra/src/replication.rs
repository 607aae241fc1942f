//! Replication as an operator must know it: the standbys of a primary, and which of them its COMMITs wait for.

use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};

use crate::db::{current_setting, pg_is_in_recovery, statement};

/// A standby that is connected.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct Standby {
    /// Its `application_name`.
    pub name: Option<String>,
    /// `streaming`, or how far it is from that. `None` where this role may not see it.
    pub state: Option<String>,
    /// Whether COMMITs may wait for it.
    pub synchronous: Option<bool>,
    /// Bytes of the log that it has not replayed.
    pub behind: Option<i64>,
}

/// What a server is within its cluster of replicas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replication {
    /// Whether it is a standby, which accepts no writes.
    pub is_standby: bool,
    /// Whether COMMITs wait for standbys: `synchronous_standby_names` is set.
    pub is_synchronous: bool,
    /// The standbys that are connected to it.
    pub standbys: Vec<Standby>,
}

statement! {
    Standbys<'a> { none: &'a str } -> (Nullable<Text>, Nullable<Text>, Nullable<Bool>, Nullable<BigInt>);
    "SELECT nullif(application_name, " [none: Text] "), state, sync_state IN ('sync', 'quorum'),
            pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END,
                            replay_lsn)::bigint
       FROM pg_stat_replication
      ORDER BY application_name, pid"
}

/// Asks a server about its replication.
///
/// # Errors
/// When it cannot be asked.
pub(crate) fn inspect(connection: &mut PgConnection) -> QueryResult<Replication> {
    let (is_standby, names): (bool, String) =
        diesel::select((pg_is_in_recovery(), current_setting("synchronous_standby_names")))
            .get_result(connection)?;
    let standbys = Standbys { none: "" }.load(connection)?;
    Ok(Replication { is_standby, is_synchronous: !names.trim().is_empty(), standbys })
}
