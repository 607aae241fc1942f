//! Erasure as a resumable background job in bounded steps.
//!
//! Each step is one transaction that claims the erasure (`FOR UPDATE SKIP LOCKED`), deletes a batch and saves the
//! progress.

use async_trait::async_trait;
use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Uuid as SqlUuid};
use domain::account::{ErasureRepository, ErasureStage, ErasureStep};
use domain::error::PortError;
use domain::id::UserId;
use uuid::Uuid;

use crate::db::{DbError, statement};
use crate::postgres::repository;
use crate::schema::erasures;

/// Pairs per step.
const BATCH: i64 = 50;
/// Maximum rows per step of each table in which a pair can have any number of rows.
pub(super) const MAX_ROWS: i64 = 1000;

repository! {
    /// Unfinished erasures on PostgreSQL.
    PgErasureRepository
}

/// A pair of the erased account and a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ErasedPair {
    pub(super) id: Uuid,
    pub(super) peer: Uuid,
}

/// The progress of a step over its batch of pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// The pairs up to and including this one are finished.
    UpTo(Uuid),
    /// The row limit was reached before a pair was finished; the next step repeats the batch.
    SameBatch,
}

statement! {
    // Two index scans, because each side of a pair has its own index in the order of ids.
    NextPairs<'a> { user: &'a Uuid, after: Uuid, most: i64 } -> (SqlUuid, SqlUuid);
    "SELECT id, peer FROM (
         (SELECT id, user_hi AS peer FROM conversations
           WHERE user_lo = " [user: SqlUuid] " AND id > " [after: SqlUuid] " ORDER BY id LIMIT " [most: BigInt] ")
         UNION ALL
         (SELECT id, user_lo AS peer FROM conversations
           WHERE user_hi = " [user: SqlUuid] " AND id > " [after: SqlUuid] " ORDER BY id LIMIT " [most: BigInt] ")) p
      ORDER BY id LIMIT " [most: BigInt]
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

/// Claims the erasure until the end of the transaction; `None` if another worker holds it or has finished it.
fn claim(connection: &mut PgConnection, user: UserId) -> Result<Option<(ErasureStage, Uuid)>, DbError> {
    let row: Option<(String, Uuid)> = erasures::table
        .find(user.as_uuid())
        .select((erasures::stage, erasures::done_to))
        .for_update()
        .skip_locked()
        .first(connection)
        .optional()?;
    row.map(|(word, done_to)| Ok((stage_from_db_str(user, &word)?, done_to))).transpose()
}

fn step(connection: &mut PgConnection, user: UserId) -> Result<ErasureStep, DbError> {
    let Some((stage, done_to)) = claim(connection, user)? else { return Ok(ErasureStep::Elsewhere) };
    let erased = user.as_uuid();
    let pairs: Vec<(Uuid, Uuid)> =
        NextPairs { user: &erased, after: done_to, most: BATCH }.load(connection)?;
    let pairs: Vec<ErasedPair> = pairs.into_iter().map(|(id, peer)| ErasedPair { id, peer }).collect();
    if pairs.is_empty() {
        return next_stage(connection, erased, stage);
    }
    let progress = match stage {
        ErasureStage::Relations => relations::remove(connection, erased, &pairs)?,
        ErasureStage::Content => content::remove(connection, erased, &pairs)?,
    };
    if let Progress::UpTo(id) = progress {
        diesel::update(erasures::table.find(erased)).set(erasures::done_to.eq(id)).execute(connection)?;
    }
    Ok(ErasureStep::More)
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
        self.db.transaction(move |connection| step(connection, user)).await
    }
}
