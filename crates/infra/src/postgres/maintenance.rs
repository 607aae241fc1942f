//! Periodic maintenance in bounded batches. Each batch is one transaction and skips locked rows.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Double, Uuid as SqlUuid};
use domain::error::PortError;
use domain::maintenance::{MaintenanceRepository, MaintenanceTask, SweepResult};
use uuid::Uuid;

use crate::db::{Db, DbError, statement};
use crate::postgres::change::Changes;

/// The maximum number of rows of one batch.
const BATCH: i64 = 500;

/// [`MaintenanceRepository`] on PostgreSQL.
#[derive(Clone)]
pub struct PgMaintenanceRepository {
    db: Arc<Db>,
}

impl PgMaintenanceRepository {
    /// Maintains the rows in `db`.
    #[must_use]
    pub const fn new(db: Arc<Db>) -> Self {
        Self { db }
    }
}

// In a partitioned table a `ctid` names a row of each partition, so the condition is repeated for the rows that it finds.
//
// All statements compare with `now()`: it is stable within the statement, so an index scan can use it. `clock_timestamp()` is
// volatile and cannot.

statement! {
    // The pairs with expired requests. Every writer of a request locks the pair first, so this does as well.
    LockExpired<'a> { seconds: &'a f64, limit: i64 } -> (SqlUuid);
    "SELECT c.id FROM conversations c
      WHERE c.id = ANY (ARRAY(
            SELECT conversation_id FROM friendship_requests
             WHERE status = 'pending' AND expires_at <= now() - make_interval(secs => " [seconds: Double] ")
             LIMIT " [limit: BigInt] "))
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
    // No request that is not pending is changed any more, so its pair need not be locked.
    PurgeRequests<'a> { seconds: &'a f64, limit: i64 } -> ();
    "DELETE FROM friendship_requests WHERE ctid = ANY (ARRAY(
         SELECT ctid FROM friendship_requests
          WHERE status <> 'pending' AND answered_at < now() - make_interval(secs => " [seconds: Double] ")
          LIMIT " [limit: BigInt] " FOR UPDATE SKIP LOCKED))
        AND status <> 'pending' AND answered_at < now() - make_interval(secs => " [seconds: Double] ")"
}

statement! {
    PurgeEndedSessions<'a> { seconds: &'a f64, limit: i64 } -> ();
    "DELETE FROM sessions WHERE id = ANY (ARRAY(
         SELECT id FROM sessions
          WHERE ended_at IS NOT NULL AND ended_at < now() - make_interval(secs => " [seconds: Double] ")
          LIMIT " [limit: BigInt] " FOR UPDATE SKIP LOCKED))"
}

statement! {
    PurgeOldSessions<'a> { seconds: &'a f64, limit: i64 } -> ();
    "DELETE FROM sessions WHERE id = ANY (ARRAY(
         SELECT id FROM sessions
          WHERE ended_at IS NULL AND created_at < now() - make_interval(secs => " [seconds: Double] ")
          LIMIT " [limit: BigInt] " FOR UPDATE SKIP LOCKED))"
}

statement! {
    PurgeThrottles<'a> { seconds: &'a f64, limit: i64 } -> ();
    "DELETE FROM login_throttles WHERE key = ANY (ARRAY(
         SELECT key FROM login_throttles
          WHERE last_failure_at < now() - make_interval(secs => " [seconds: Double] ") AND blocked_until < now()
          LIMIT " [limit: BigInt] " FOR UPDATE SKIP LOCKED))"
}

statement! {
    PurgeQuotas<'a> { seconds: &'a f64, limit: i64 } -> ();
    "DELETE FROM quotas WHERE key = ANY (ARRAY(
         SELECT key FROM quotas
          WHERE full_at < now() - make_interval(secs => " [seconds: Double] ")
          LIMIT " [limit: BigInt] " FOR UPDATE SKIP LOCKED))"
}

statement! {
    PurgeKnownDevices<'a> { seconds: &'a f64, limit: i64 } -> ();
    "DELETE FROM known_devices WHERE ctid = ANY (ARRAY(
         SELECT ctid FROM known_devices
          WHERE logged_in_at < now() - make_interval(secs => " [seconds: Double] ")
          LIMIT " [limit: BigInt] " FOR UPDATE SKIP LOCKED))
        AND logged_in_at < now() - make_interval(secs => " [seconds: Double] ")"
}

statement! {
    PurgeRetiredUids<'a> { seconds: &'a f64, limit: i64 } -> ();
    "DELETE FROM retired_uids WHERE uid = ANY (ARRAY(
         SELECT uid FROM retired_uids
          WHERE retired_at < now() - make_interval(secs => " [seconds: Double] ")
          LIMIT " [limit: BigInt] " FOR UPDATE SKIP LOCKED))"
}

fn expire_requests(connection: &mut PgConnection, seconds: f64) -> Result<usize, DbError> {
    let pairs: Vec<(Uuid,)> = LockExpired { seconds: &seconds, limit: BATCH }.load(connection)?;
    if pairs.is_empty() {
        return Ok(0);
    }
    let pairs: Vec<Uuid> = pairs.into_iter().map(|(id,)| id).collect();
    // Wakes no request: what time alone changes is not reported.
    Changes::default().relations(connection, &pairs, [])?;
    Ok(ExpireRequests { pairs: &pairs, seconds }.execute(connection)?)
}

/// `age` in seconds, capped to what PostgreSQL can subtract from the current time.
fn seconds(age: Duration) -> f64 {
    const CENTURIES: f64 = 1e10;
    age.as_secs_f64().min(CENTURIES)
}

fn sweep(
    connection: &mut PgConnection,
    task: MaintenanceTask,
    age: Duration,
) -> Result<SweepResult, DbError> {
    let seconds = seconds(age);
    let rows = match task {
        MaintenanceTask::ExpireRequests => expire_requests(connection, seconds)?,
        MaintenanceTask::PurgeRequests => {
            PurgeRequests { seconds: &seconds, limit: BATCH }.execute(connection)?
        }
        MaintenanceTask::PurgeEndedSessions => {
            PurgeEndedSessions { seconds: &seconds, limit: BATCH }.execute(connection)?
        }
        MaintenanceTask::PurgeOldSessions => {
            PurgeOldSessions { seconds: &seconds, limit: BATCH }.execute(connection)?
        }
        MaintenanceTask::PurgeThrottles => {
            PurgeThrottles { seconds: &seconds, limit: BATCH }.execute(connection)?
        }
        MaintenanceTask::PurgeQuotas => {
            PurgeQuotas { seconds: &seconds, limit: BATCH }.execute(connection)?
        }
        MaintenanceTask::PurgeRetiredUids => {
            PurgeRetiredUids { seconds: &seconds, limit: BATCH }.execute(connection)?
        }
        MaintenanceTask::PurgeKnownDevices => {
            PurgeKnownDevices { seconds: &seconds, limit: BATCH }.execute(connection)?
        }
    };
    Ok(SweepResult { rows, more: i64::try_from(rows).is_ok_and(|rows| rows >= BATCH) })
}

#[async_trait]
impl MaintenanceRepository for PgMaintenanceRepository {
    async fn sweep(&self, task: MaintenanceTask, age: Duration) -> Result<SweepResult, PortError> {
        self.db.transaction(move |connection| sweep(connection, task, age)).await
    }
}
