//! Erasure as a resumable background job in bounded steps.
//!
//! Each step is one transaction that claims the erasure (`FOR UPDATE SKIP LOCKED`), deletes a batch and saves the
//! progress.

mod batch;
mod content;
mod relations;

use std::sync::Arc;

use async_trait::async_trait;
use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Uuid as SqlUuid};
use domain::account::{ErasureRepository, ErasureStage, ErasureStep};
use domain::error::PortError;
use domain::id::UserId;
use uuid::Uuid;

use self::batch::{BatchProgress, ErasedPair};
use crate::db::{Db, DbError, Noted, statement};
use crate::postgres::change::Changes;
use crate::schema::erasures;

/// Pairs per step.
const BATCH: i64 = 50;

/// Unfinished erasures on PostgreSQL.
#[derive(Clone)]
pub struct PgErasureRepository {
    db: Arc<Db>,
}

impl PgErasureRepository {
    /// Creates the repository on `db`.
    #[must_use]
    pub const fn new(db: Arc<Db>) -> Self {
        Self { db }
    }
}

statement! {
    // Two index scans, because each side of a pair has its own index in the order of ids.
    NextPairs<'a> { user: &'a Uuid, after: Uuid, limit: i64 } -> (SqlUuid, SqlUuid);
    "SELECT id, peer FROM (
         (SELECT id, user_hi AS peer FROM conversations
           WHERE user_lo = " [user: SqlUuid] " AND id > " [after: SqlUuid] " ORDER BY id LIMIT " [limit: BigInt] ")
         UNION ALL
         (SELECT id, user_lo AS peer FROM conversations
           WHERE user_hi = " [user: SqlUuid] " AND id > " [after: SqlUuid] " ORDER BY id LIMIT " [limit: BigInt] ")) p
      ORDER BY id LIMIT " [limit: BigInt]
}

const fn stage_as_db_str(stage: ErasureStage) -> &'static str {
    match stage {
        ErasureStage::Relations => "relations",
        ErasureStage::Content => "content",
    }
}

fn stage_from_db_str(user: UserId, word: &str) -> Result<ErasureStage, DbError> {
    match word {
        "relations" => Ok(ErasureStage::Relations),
        "content" => Ok(ErasureStage::Content),
        _ => Err(DbError::UnknownWord {
            table: "erasures",
            key: user.to_string(),
            column: "stage",
            word: word.to_owned(),
        }),
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = erasures)]
struct ClaimedErasure {
    stage: String,
    done_to: Uuid,
}

/// Claims the erasure until the end of the transaction; `None` if another worker holds it or has finished it.
fn claim(connection: &mut PgConnection, user: UserId) -> Result<Option<ClaimedErasure>, DbError> {
    Ok(erasures::table
        .find(user.as_uuid())
        .select(ClaimedErasure::as_select())
        .for_update()
        .skip_locked()
        .first(connection)
        .optional()?)
}

fn step(connection: &mut PgConnection, user: UserId) -> Result<Noted<ErasureStep>, DbError> {
    let Some(claimed) = claim(connection, user)? else { return Ok(Noted::nothing(ErasureStep::Elsewhere)) };
    let stage = stage_from_db_str(user, &claimed.stage)?;
    let erased = user.as_uuid();
    let pairs: Vec<ErasedPair> =
        NextPairs { user: &erased, after: claimed.done_to, limit: BATCH }.load(connection)?;
    if pairs.is_empty() {
        return Ok(Noted::nothing(next_stage(connection, erased, stage)?));
    }
    let mut changes = Changes::default();
    let progress = match stage {
        ErasureStage::Relations => relations::remove(connection, erased, &pairs, &mut changes)?,
        ErasureStage::Content => content::remove(connection, erased, &pairs)?,
    };
    if let BatchProgress::UpTo(id) = progress {
        diesel::update(erasures::table.find(erased)).set(erasures::done_to.eq(id)).execute(connection)?;
    }
    Ok(changes.with(ErasureStep::More))
}

fn next_stage(
    connection: &mut PgConnection,
    erased: Uuid,
    stage: ErasureStage,
) -> Result<ErasureStep, DbError> {
    let erasure = erasures::table.find(erased);
    if let Some(next) = stage.next() {
        diesel::update(erasure)
            .set((erasures::stage.eq(stage_as_db_str(next)), erasures::done_to.eq(Uuid::nil())))
            .execute(connection)?;
        return Ok(ErasureStep::More);
    }
    diesel::delete(erasure).execute(connection)?;
    Ok(ErasureStep::Finished)
}

#[async_trait]
impl ErasureRepository for PgErasureRepository {
    async fn pending(&self, after: Option<UserId>) -> Result<Option<UserId>, PortError> {
        let after = after.map_or_else(Uuid::nil, UserId::as_uuid);
        self.db
            .run(move |connection| {
                let next: Option<Uuid> = erasures::table
                    .filter(erasures::user_id.gt(after))
                    .order(erasures::user_id)
                    .select(erasures::user_id)
                    .first(connection)
                    .optional()?;
                Ok(next.map(UserId::from_uuid))
            })
            .await
    }

    async fn step(&self, user: UserId) -> Result<ErasureStep, PortError> {
        self.db.change(move |connection| step(connection, user)).await
    }
}
