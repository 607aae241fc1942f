//! The steps of an erasure. Each is one transaction, which begins by claiming the erasure and ends by noting how far it
//! has come.

use async_trait::async_trait;
use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Uuid as SqlUuid};
use domain::account::{ErasureRepository, ErasureStage, ErasureStep};
use domain::error::PortError;
use domain::id::UserId;
use uuid::Uuid;

use super::{content, relations};
use crate::db::{DbError, statement};
use crate::postgres::repository;
use crate::schema::erasures;

/// Pairs that a step looks at.
const PAIRS: i64 = 50;
/// Rows that a step removes at most of each kind that a pair can have any number of.
pub(super) const ROWS: i64 = 1000;

repository! {
    /// The erasures that are not finished, on PostgreSQL.
    PgErasureRepository
}

/// A pair of the erased account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) id: Uuid,
    pub(super) peer: Uuid,
}

/// How far a step has come with the pairs that it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reached {
    /// All is done up to this pair.
    Pair(Uuid),
    /// There is more to be removed before even the first of them is done.
    Nowhere,
}

statement! {
    // Each side has its index, in the order of the ids.
    NextPairs<'a> { user: &'a Uuid, after: Uuid, most: i64 } -> (SqlUuid, SqlUuid);
    "SELECT id, peer FROM (
         (SELECT id, user_hi AS peer FROM conversations
           WHERE user_lo = " [user: SqlUuid] " AND id > " [after: SqlUuid] " ORDER BY id LIMIT " [most: BigInt] ")
         UNION ALL
         (SELECT id, user_lo AS peer FROM conversations
           WHERE user_hi = " [user: SqlUuid] " AND id > " [after: SqlUuid] " ORDER BY id LIMIT " [most: BigInt] ")) p
      ORDER BY id LIMIT " [most: BigInt]
}

const fn word(stage: ErasureStage) -> &'static str {
    match stage {
        ErasureStage::Relations => "relations",
        ErasureStage::Content => "content",
    }
}

fn stage(user: UserId, word: &str) -> Result<ErasureStage, DbError> {
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

/// Claims the erasure until the transaction ends; none when somebody else has it, or has finished it.
fn claim(connection: &mut PgConnection, user: UserId) -> Result<Option<(ErasureStage, Uuid)>, DbError> {
    let row: Option<(String, Uuid)> = erasures::table
        .find(user.as_uuid())
        .select((erasures::stage, erasures::done_to))
        .for_update()
        .skip_locked()
        .first(connection)
        .optional()?;
    row.map(|(word, done_to)| Ok((stage(user, &word)?, done_to))).transpose()
}

fn step(connection: &mut PgConnection, user: UserId) -> Result<ErasureStep, DbError> {
    let Some((stage, done_to)) = claim(connection, user)? else { return Ok(ErasureStep::Elsewhere) };
    let erased = user.as_uuid();
    let pairs: Vec<(Uuid, Uuid)> =
        NextPairs { user: &erased, after: done_to, most: PAIRS }.load(connection)?;
    let pairs: Vec<Pair> = pairs.into_iter().map(|(id, peer)| Pair { id, peer }).collect();
    if pairs.is_empty() {
        return next_stage(connection, erased, stage);
    }
    let reached = match stage {
        ErasureStage::Relations => relations::remove(connection, erased, &pairs)?,
        ErasureStage::Content => content::remove(connection, erased, &pairs)?,
    };
    if let Reached::Pair(id) = reached {
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
            .set((erasures::stage.eq(word(next)), erasures::done_to.eq(Uuid::nil())))
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
