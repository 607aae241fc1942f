//! The pages of an answer, from the rows of several requests.

use diesel::PgConnection;
use domain::answer_size::fitting;
use domain::error::PortError;
use domain::number::saturating;
use domain::realtime::{
    ReadPoint, StaleList, SyncFrom, SyncPage, SyncPlace, SyncPosition, SyncedConversation,
};

use super::lineage;
use super::statement::{SyncQuery, SyncResult, SyncRow, rows_of};
use crate::db::DbError;
use crate::postgres::pairs::conversation::batch_entry;

/// The page of one request from its rows, of which there is at least one. One entry more than the limit shows that another page
/// follows.
fn page(query: &SyncQuery, rows: Vec<SyncRow>) -> Result<SyncPage, DbError> {
    let first = rows.first().ok_or(DbError::Impossible("users: the caller's row is missing"))?;
    let (snapshot, account) = (first.snapshot.clone(), first.account);
    let lineage = snapshot.lineage.ok_or(DbError::Impossible("lineages: no lineage was begun"))?;
    let from = &query.request.from;
    let here = || ReadPoint::of_snapshot(lineage, snapshot.xmax, snapshot.open.clone());
    let (point, since, is_good) = match from {
        SyncFrom::Place(SyncPlace::Page(position)) if snapshot.good => {
            (position.point.clone(), position.since.clone(), true)
        }
        SyncFrom::Place(SyncPlace::Point(point)) if snapshot.good => (here(), Some(point.clone()), true),
        _ => (here(), None, false),
    };
    let reset = !is_good && *from != SyncFrom::Nothing;
    let entries = rows.into_iter().filter_map(|row| row.entry.into_domain(query.user).transpose());
    let mut conversations: Vec<SyncedConversation> = entries.collect::<Result<_, _>>()?;
    let kept = fitting(conversations.iter().take(saturating(query.request.limit.get())));
    let more = conversations.len() > kept;
    conversations.truncate(kept);
    let after = conversations.last().filter(|_| more).map(|last| last.entry.id);
    Ok(SyncPage {
        next: after.map(|after| SyncPosition { point: point.clone(), since, after }),
        point,
        reset,
        stale: if reset { StaleList::ALL.to_vec() } else { account.stale() },
        unread_total: account.unread_total,
        conversations,
    })
}

/// Responds to each query, in the same order. An invalid row fails its own request only. The first request after a start of PostgreSQL
/// begins the lineage and reads again.
pub(super) fn pages(
    connection: &mut PgConnection,
    queries: &[SyncQuery],
) -> Result<Vec<SyncResult>, DbError> {
    let mut rows = rows_of(connection, queries)?;
    if rows.iter().any(|row| row.snapshot.is_standby) {
        return Err(DbError::ReadOnly);
    }
    if rows.iter().any(|row| row.snapshot.lineage.is_none()) {
        lineage::begin(connection)?;
        rows = rows_of(connection, queries)?;
    }
    let mut answers: Vec<Vec<SyncRow>> = queries.iter().map(|_| Vec::new()).collect();
    for row in rows {
        batch_entry(&mut answers, row.number)?.push(row);
    }
    let answers = queries.iter().zip(answers);
    Ok(answers.map(|(query, rows)| page(query, rows).map_err(PortError::internal)).collect())
}
