//! The accounts that changes since a snapshot concern, by the same stamps as the entries.

use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Uuid as SqlUuid};
use domain::id::{ConversationId, UserId};
use uuid::Uuid;

use crate::db::{DbError, statement};
use crate::local_signals::DeliveredStamps;

/// Accounts per statement.
const ACCOUNTS: usize = 64;

/// SQL condition: the stamp `s` is of a transaction that the last look has not seen. Stamps at or above `xmax` come from a restored dump
/// of a database that had used more ids.
const IS_NEW: &str = "
    s.stamp >= last.xmin AND s.stamp < last.now AND (s.stamp >= last.xmax OR s.stamp = ANY (last.open))";

statement! {
    // A row for what is the account's own, and one for each conversation: its stamp, and whether something else of it has changed.
    // The greatest stamp spares most rows the exact condition.
    Concerned<'a> { accounts: &'a [Uuid], xmin: i64, xmax: i64, open: &'a [i64] } -> (SqlUuid, Nullable<SqlUuid>, BigInt, Bool);
    "SELECT a.id, x.conversation_id, x.stamp, x.is_other FROM unnest(" [accounts: Array<SqlUuid>] ") AS a (id)
      CROSS JOIN LATERAL (
           SELECT " [xmin: BigInt] " AS xmin, " [xmax: BigInt] " AS xmax, " [open: Array<BigInt>] " AS open,
                  pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS now OFFSET 0) last
       JOIN users me ON me.id = a.id
      CROSS JOIN LATERAL (
            SELECT NULL::uuid AS conversation_id, 0::bigint AS stamp, true AS is_other
             WHERE EXISTS (SELECT FROM unnest(ARRAY[me.changed_in, me.sharing_in]) AS s (stamp) WHERE " {IS_NEW} ")
                OR EXISTS (SELECT FROM (SELECT x.user_id, x.changed_in AS stamp FROM sessions x WHERE x.changed_in > 0) s
                            WHERE s.user_id = a.id AND " {IS_NEW} ")
            UNION ALL
            SELECT c.id, c.changed_in, EXISTS (
                        SELECT FROM unnest(ARRAY[c.related_in, m.own_in, m.shown_in, u.shown_in, u.sharing_in]) AS s (stamp)
                         WHERE " {IS_NEW} ")
              FROM ((SELECT c.*, c.user_hi AS peer_id FROM conversations c WHERE c.user_lo = a.id OFFSET 0)
                         UNION ALL
                         (SELECT c.*, c.user_lo AS peer_id FROM conversations c WHERE c.user_hi = a.id OFFSET 0)) c
              LEFT JOIN LATERAL (
                   SELECT max(m.changed_in) FILTER (WHERE m.user_id = a.id) AS own_in,
                          max(m.shown_in) FILTER (WHERE m.user_id <> a.id) AS shown_in
                     FROM conversation_members m WHERE m.conversation_id = c.id OFFSET 0) m ON true
              LEFT JOIN LATERAL (SELECT u.shown_in, u.sharing_in FROM users u WHERE u.id = c.peer_id OFFSET 0) u ON true
             WHERE greatest(c.changed_in, c.related_in, m.own_in, m.shown_in, u.shown_in, u.sharing_in) >= last.xmin
               AND EXISTS (
                   SELECT FROM unnest(ARRAY[c.changed_in, c.related_in, m.own_in, m.shown_in, u.shown_in, u.sharing_in])
                               AS s (stamp) WHERE " {IS_NEW} ")) x"
}

/// The snapshot of a look: changes that it does not show are new.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct LookSnapshot {
    /// Whatever it does not show has this stamp or a later one.
    pub(super) xmin: i64,
    /// It shows all transactions below this id that are not open.
    pub(super) xmax: i64,
    /// The transactions below `xmax` that were open.
    pub(super) open: Vec<i64>,
}

/// What has changed for an account.
#[derive(Debug, Clone, Copy, Queryable)]
struct Concern {
    account: Uuid,
    /// The conversation; `None` for what is the account's own.
    conversation: Option<Uuid>,
    /// The stamp of the conversation.
    stamp: i64,
    /// Whether anything but its messages has changed.
    is_other: bool,
}

impl Concern {
    /// Whether those who wait here know of it.
    fn is_delivered(&self, delivered: &DeliveredStamps) -> bool {
        let of = |id| delivered.contains(ConversationId::from_uuid(id), self.stamp);
        !self.is_other && self.conversation.is_some_and(of)
    }
}

/// Those of the accounts that have changes since a snapshot that those who wait here do not know of.
pub(super) fn among(
    connection: &mut PgConnection,
    accounts: &[UserId],
    last: &LookSnapshot,
    delivered: &DeliveredStamps,
) -> Result<Vec<UserId>, DbError> {
    let mut concerned = Vec::new();
    for accounts in accounts.chunks(ACCOUNTS) {
        let accounts: Vec<Uuid> = accounts.iter().map(|account| account.as_uuid()).collect();
        let LookSnapshot { xmin, xmax, open } = last;
        let statement = Concerned { accounts: &accounts, xmin: *xmin, xmax: *xmax, open };
        let rows: Vec<Concern> = statement.load(connection)?;
        let news = rows.into_iter().filter(|concern| !concern.is_delivered(delivered));
        concerned.extend(news.map(|concern| UserId::from_uuid(concern.account)));
    }
    Ok(concerned)
}
