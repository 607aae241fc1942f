//! The parts of entries that have changed since a point, by the same stamps as the entries.
//!
//! Messages have no stamp. The id of the transaction that wrote a row is its system column `xmin`, the lower 32 bits of what the
//! stamps are; a snapshot is never farther away from a row that it has not seen. Nothing but a recall writes a message again.

use std::collections::HashMap;

use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Uuid as SqlUuid};
use domain::id::{ConversationId, UserId};
use domain::message::Seq;
use domain::realtime::{ChangedParts, ReadPoint};
use uuid::Uuid;

use crate::db::{DbError, statement};

/// SQL condition: the stamp `s` is of a transaction that the point has not seen. Stamps at or above `xmax` come from a restored dump.
const IS_NEW: &str =
    "s.stamp >= r.since AND s.stamp < r.xmax AND (s.stamp >= r.until OR s.stamp = ANY (r.open))";

/// The newest messages, until the first that the point has seen. Those before the first that is left may be old ones, since recalled.
const ARRIVED: &str = "
    SELECT min(x.seq) FROM (
           SELECT x.seq, x.content, bool_and(EXISTS (
                      SELECT FROM (SELECT r.xmax - ((r.xmax & 4294967295) - x.id + 4294967296) % 4294967296 AS stamp) s
                       WHERE ";
const OF_PAIR: &str = ")) OVER (ORDER BY x.seq DESC) AS is_new
             FROM (SELECT x.seq, x.content, x.xmin::text::bigint AS id FROM messages x
                    WHERE x.conversation_id = c.id AND x.seq > m.cleared_seq ORDER BY x.seq DESC LIMIT ";

statement! {
    Parts<'a> {
        user: &'a Uuid,
        conversations: &'a [Uuid],
        since: &'a i64,
        until: &'a i64,
        open: &'a [i64],
        most: &'a i64,
    } -> (SqlUuid, (Bool, Bool, Bool, Bool, Nullable<BigInt>));
    "SELECT c.id, pair.is_new,
            EXISTS (SELECT FROM (SELECT m.changed_in AS stamp) s WHERE " {IS_NEW} "),
            EXISTS (SELECT FROM (SELECT p.shown_in AS stamp) s WHERE " {IS_NEW} "),
            EXISTS (SELECT FROM unnest(ARRAY[c.related_in, u.shown_in, u.sharing_in, me.sharing_in]) AS s (stamp) WHERE " {IS_NEW} "),
            CASE WHEN pair.is_new THEN (" {ARRIVED} {IS_NEW} {OF_PAIR} [most: BigInt] ") x) x
                                         WHERE x.is_new AND x.content IS NOT NULL) END
       FROM (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS xmax, " [user: SqlUuid] " AS user_id, "
                    [since: BigInt] " AS since, " [until: BigInt] " AS until, " [open: Array<BigInt>] " AS open OFFSET 0) r
       JOIN conversation_members m ON m.user_id = r.user_id AND m.conversation_id = ANY (" [conversations: Array<SqlUuid>] ")
       JOIN conversations c ON c.id = m.conversation_id
       JOIN users me ON me.id = m.user_id
       JOIN users u ON u.id = m.peer_id
       LEFT JOIN conversation_members p ON p.conversation_id = m.conversation_id AND p.user_id = m.peer_id
      CROSS JOIN LATERAL (
           SELECT EXISTS (SELECT FROM (SELECT c.changed_in AS stamp) s WHERE " {IS_NEW} ") AS is_new OFFSET 0) pair"
}

/// The columns of one conversation.
#[derive(Debug, Clone, Copy, Queryable)]
struct PartColumns {
    pair: bool,
    own: bool,
    peer_read: bool,
    relation: bool,
    first_message: Option<i64>,
}

/// Which parts of the member's conversations have changed, in the same order.
pub(super) fn changed(
    connection: &mut PgConnection,
    user: UserId,
    since: &ReadPoint,
    conversations: &[ConversationId],
) -> Result<Vec<ChangedParts>, DbError> {
    let ids: Vec<Uuid> = conversations.iter().map(|id| id.as_uuid()).collect();
    let statement = Parts {
        user: &user.as_uuid(),
        conversations: &ids,
        since: &since.xmin(),
        until: &since.xmax,
        open: &since.open,
        most: &ChangedParts::MOST_MESSAGES,
    };
    let rows: Vec<(Uuid, PartColumns)> = statement.load(connection)?;
    let rows: HashMap<Uuid, PartColumns> = rows.into_iter().collect();
    let parts = ids.iter().map(|id| {
        rows.get(id).map_or_else(ChangedParts::default, |row| ChangedParts {
            pair: row.pair,
            own: row.own,
            peer_read: row.peer_read,
            relation: row.relation,
            first_message: row.first_message.map(Seq::new),
        })
    });
    Ok(parts.collect())
}
