//! Housekeeping. Each batch is one transaction, takes what nobody else holds, and is bounded.

use std::time::Duration;

use async_trait::async_trait;
use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Double, Uuid as SqlUuid};
use domain::error::PortError;
use domain::maintenance::{MaintenanceRepository, MaintenanceTask, SweepResult};
use uuid::Uuid;

use super::repository;
use crate::db::{DbError, statement};

/// Rows of one batch.
const BATCH: i64 = 500;

repository! {
    /// Housekeeping on PostgreSQL.
    PgMaintenanceRepository
}

// In all of these the time is that of the statement, which an index can be searched by; `clock_timestamp()` could not.

statement! {
    // The pairs of requests that are overdue, locked as whoever writes to a request locks them first.
    LockOverdue<'a> { seconds: &'a f64, most: i64 } -> (SqlUuid);
    "SELECT c.id FROM conversations c
      WHERE c.id = ANY (ARRAY(
            SELECT conversation_id FROM friendship_requests
             WHERE status = 'pending' AND expires_at <= now() - make_interval(secs => " [seconds: Double] ")
             LIMIT " [most: BigInt] "))
      ORDER BY c.id
        FOR NO KEY UPDATE SKIP LOCKED"
}

statement! {
    ExpireRequests<'a> { pairs: &'a [Uuid], seconds: f64 } -> ();
    "UPDATE friendship_requests SET status = 'expired', answered_at = clock_timestamp()
      WHERE conversation_id = ANY (" [pairs: Array<SqlUuid>] ") AND status = 'pending'
        AND expires_at <= now() - make_interval(secs => " [seconds: Double] ")"
}

statement! {
    PurgeEndedSessions<'a> { seconds: &'a f64, most: i64 } -> ();
    "DELETE FROM sessions WHERE ctid = ANY (ARRAY(
         SELECT ctid FROM sessions
          WHERE ended_at IS NOT NULL AND ended_at < now() - make_interval(secs => " [seconds: Double] ")
          LIMIT " [most: BigInt] " FOR UPDATE SKIP LOCKED))"
}

statement! {
    PurgeOldSessions<'a> { seconds: &'a f64, most: i64 } -> ();
    "DELETE FROM sessions WHERE ctid = ANY (ARRAY(
         SELECT ctid FROM sessions
          WHERE ended_at IS NULL AND created_at < now() - make_interval(secs => " [seconds: Double] ")
          LIMIT " [most: BigInt] " FOR UPDATE SKIP LOCKED))"
}

statement! {
    PurgeThrottles<'a> { seconds: &'a f64, most: i64 } -> ();
    "DELETE FROM login_throttles WHERE ctid = ANY (ARRAY(
         SELECT ctid FROM login_throttles
          WHERE last_failure_at < now() - make_interval(secs => " [seconds: Double] ") AND blocked_until < now()
          LIMIT " [most: BigInt] " FOR UPDATE SKIP LOCKED))"
}

fn expire_requests(connection: &mut PgConnection, seconds: f64) -> QueryResult<usize> {
    let pairs: Vec<(Uuid,)> = LockOverdue { seconds: &seconds, most: BATCH }.load(connection)?;
    if pairs.is_empty() {
        return Ok(0);
    }
    let pairs: Vec<Uuid> = pairs.into_iter().map(|(id,)| id).collect();
    ExpireRequests { pairs: &pairs, seconds }.execute(connection)
}

/// `before` in seconds, but no longer than PostgreSQL's calendar reaches back.
fn seconds(before: Duration) -> f64 {
    const CENTURIES: f64 = 1e10;
    before.as_secs_f64().min(CENTURIES)
}

fn sweep(
    connection: &mut PgConnection,
    task: MaintenanceTask,
    before: Duration,
) -> Result<SweepResult, DbError> {
    let seconds = seconds(before);
    let rows = match task {
        MaintenanceTask::ExpireRequests => expire_requests(connection, seconds)?,
        MaintenanceTask::PurgeEndedSessions => {
            PurgeEndedSessions { seconds: &seconds, most: BATCH }.execute(connection)?
        }
        MaintenanceTask::PurgeOldSessions => {
            PurgeOldSessions { seconds: &seconds, most: BATCH }.execute(connection)?
        }
        MaintenanceTask::PurgeThrottles => {
            PurgeThrottles { seconds: &seconds, most: BATCH }.execute(connection)?
        }
    };
    Ok(SweepResult { rows, more: i64::try_from(rows).is_ok_and(|rows| rows >= BATCH) })
}

#[async_trait]
impl MaintenanceRepository for PgMaintenanceRepository {
    async fn sweep(&self, task: MaintenanceTask, before: Duration) -> Result<SweepResult, PortError> {
        self.db.transaction(move |connection| sweep(connection, task, before)).await
    }
}
