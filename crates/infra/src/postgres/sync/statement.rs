//! The statement of a sync: finds the rows that are stamped since a cursor, and reads their entries.

use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use domain::error::PortError;
use domain::id::UserId;
use domain::realtime::{ReadPoint, StaleList, SyncFrom, SyncPage, SyncPlace, SyncPosition, SyncRequest};
use uuid::Uuid;

use super::entry::EntryRow;
use super::lineage::IS_PRESENT;
use crate::db::{DbError, statement};
use crate::postgres::pairs::conversation::{OWN_KEY, UNREAD};

/// An account's request.
#[derive(Debug, Clone)]
pub(super) struct SyncQuery {
    pub(super) user: UserId,
    pub(super) request: SyncRequest,
}

/// The response to one [`SyncQuery`].
pub(super) type SyncResult = Result<SyncPage, PortError>;

/// SQL condition: the stamp `s` is of a transaction that the request's cursor has not seen. A row's stamp that the cursor has seen is that
/// of its last writer, so the row is as it was. Stamps at or above `xmax` come from a restored dump of a database that had used more ids.
const IS_NEW: &str = "
    s.stamp >= base.since AND s.stamp < snap.xmax AND (s.stamp >= base.until OR s.stamp = ANY (base.open))";

/// The snapshot and this server's lineage.
const SNAPSHOT: &str = "
      CROSS JOIN LATERAL (
           SELECT pg_snapshot_xmax(s)::text::bigint AS xmax, ARRAY(SELECT pg_snapshot_xip(s)::text::bigint) AS open,
                  pg_is_in_recovery() AS standby
             FROM pg_current_snapshot() s OFFSET 0) snap
      LEFT JOIN LATERAL (
           SELECT l.token, l.cluster, l.database, l.file FROM lineages l WHERE ";

/// From where each request is answered. A cursor is good if its lineage is the present one, or is an earlier one of the same database that
/// covers all that the cursor has seen.
const CURSORS: &str = " OFFSET 0) here ON true
      LEFT JOIN LATERAL (
           SELECT CASE WHEN l.token = here.token THEN r.seen <= snap.xmax
                       ELSE (l.cluster, l.database, l.file) = (here.cluster, here.database, here.file) AND r.seen <= l.covered
                  END AS good
             FROM lineages l WHERE l.token = r.lineage OFFSET 0) cursor ON true
      CROSS JOIN LATERAL (
           SELECT coalesce(cursor.good, false) AS good, CASE WHEN cursor.good THEN r.since END AS since,
                  r.until, r.open::bigint[] AS open,
                  CASE WHEN cursor.good THEN r.after END AS after OFFSET 0) base
      CROSS JOIN LATERAL (SELECT me.* FROM users me WHERE me.id = r.user_id OFFSET 0) me";

/// All pairs of the account, reduced to sums over them and to the conversations of the page. Pairs without a member's row have had a
/// request or a block only.
const SCAN: &str = "
      CROSS JOIN LATERAL (
           SELECT coalesce(sum(x.unread) FILTER (WHERE x.listed), 0)::bigint AS unread_total,
                  coalesce(bool_or(x.related), false) AS related,
                  coalesce(bool_or(x.renamed), false) AS renamed,
                  coalesce(bool_or(x.related AND x.erased), false) AS unblocked,
                  (array_agg(x.id ORDER BY x.id) FILTER (WHERE x.is_news AND (base.after IS NULL OR x.id > base.after)))[1:r.most::int] AS ids
             FROM (SELECT c.id, m.user_id IS NOT NULL AND (NOT m.hidden OR c.last_seq > m.cleared_seq) AS listed,
                          u.state = 'erased' AS erased, ";

/// The stamps of what an entry shows. The peer's reading counts where it is shown.
const STAMPS: &str = "
    c.changed_in, m.changed_in, u.shown_in,
    CASE WHEN c.friends AND r.receipts THEN greatest(me.sharing_in, u.sharing_in) END,
    CASE WHEN c.friends AND r.receipts AND me.share_read AND u.share_read THEN p.shown_in END";

const PAIRS: &str = "
                     FROM ((SELECT c.*, c.user_hi AS peer_id FROM conversations c WHERE c.user_lo = r.user_id OFFSET 0)
                           UNION ALL
                           (SELECT c.*, c.user_lo AS peer_id FROM conversations c WHERE c.user_hi = r.user_id OFFSET 0)) c
                     LEFT JOIN LATERAL (
                          SELECT m.* FROM conversation_members m
                           WHERE m.conversation_id = c.id AND m.user_id = r.user_id OFFSET 0) m ON true
                     LEFT JOIN LATERAL (
                          SELECT p.shown_in FROM conversation_members p
                           WHERE p.conversation_id = c.id AND p.user_id = c.peer_id OFFSET 0) p ON true
                     LEFT JOIN LATERAL (SELECT u.* FROM users u WHERE u.id = c.peer_id OFFSET 0) u ON true) x) scan
       LEFT JOIN LATERAL unnest(scan.ids) AS e (id) ON true";

/// The entry of each conversation of the page, as the list has it.
const MEMBERS: &str = "
       LEFT JOIN LATERAL (
            SELECT m.* FROM conversation_members m WHERE m.conversation_id = e.id AND m.user_id = r.user_id OFFSET 0) m ON true
       LEFT JOIN LATERAL (SELECT c.* FROM conversations c WHERE c.id = e.id OFFSET 0) c ON true
       LEFT JOIN LATERAL (SELECT u.* FROM users u WHERE u.id = m.peer_id OFFSET 0) u ON true
       LEFT JOIN LATERAL (
            SELECT p.* FROM conversation_members p WHERE p.conversation_id = e.id AND p.user_id = m.peer_id OFFSET 0) p ON true
       LEFT JOIN LATERAL (
            SELECT x.seq, x.sender_id = m.user_id AS own, ";
const NEWEST: &str = " AS key, x.content, x.created_at
              FROM messages x
             WHERE x.conversation_id = m.conversation_id AND x.seq > m.cleared_seq
               AND x.seq = CASE WHEN c.last_seq > m.deleted_seq THEN c.last_seq ELSE coalesce((
                     SELECT d.first_seq - 1 FROM message_deletions d
                      WHERE d.conversation_id = m.conversation_id AND d.user_id = m.user_id
                        AND d.last_seq = c.last_seq), c.last_seq) END OFFSET 0) newest ON true
      ORDER BY r.n, e.id";

statement! {
    // A row per conversation of the page, and one without a conversation if there is none. `open` is an array as text, because an array
    // of arrays of different lengths cannot be sent.
    Syncs<'a> {
        users: &'a [Uuid],
        lineages: &'a [Uuid],
        seen: &'a [i64],
        since: &'a [Option<i64>],
        until: &'a [i64],
        open: &'a [String],
        after: &'a [Uuid],
        most: &'a [i64],
        receipts: &'a [bool],
    } -> (
        BigInt,
        (Nullable<SqlUuid>, BigInt, Array<BigInt>, Bool, Bool),
        (Bool, Bool, Bool, Bool, Bool, BigInt),
        (
            Nullable<SqlUuid>,
            (SqlUuid, Text, Text, Text),
            (Text, Bool, Bool, Nullable<BigInt>),
            (BigInt, BigInt, BigInt, Timestamptz, Bool, Bool),
            (Nullable<BigInt>, Nullable<Bool>, Nullable<Text>, Nullable<Text>, Nullable<Timestamptz>),
            (BigInt, Bool, Array<BigInt>, Array<BigInt>),
        ),
    );
    "SELECT r.n, here.token, snap.xmax, snap.open, snap.standby, base.good,
            scan.related, scan.renamed, scan.unblocked,
            coalesce(me.changed_in >= base.since AND EXISTS (
                SELECT FROM (SELECT me.changed_in AS stamp) s WHERE " {IS_NEW} "), false),
            base.since IS NOT NULL AND EXISTS (
                SELECT FROM (SELECT x.user_id, x.changed_in AS stamp FROM sessions x WHERE x.changed_in > 0) s
                 WHERE s.user_id = r.user_id AND " {IS_NEW} "),
            scan.unread_total,
            e.id, coalesce(m.peer_id, r.user_id), coalesce(u.state, ''), coalesce(u.name, ''), coalesce(m.remark, ''),
            coalesce(u.uid, ''), coalesce(c.friends, false),
            coalesce(CASE WHEN m.user_id = c.user_lo THEN c.lo_blocks ELSE c.hi_blocks END, false),
            CASE WHEN c.friends AND r.receipts AND me.share_read AND u.share_read
                 THEN coalesce(p.shown_read_seq, p.read_seq, 0) END,
            coalesce(" {UNREAD} ", 0), coalesce(c.last_seq, 0), coalesce(m.read_seq, 0),
            coalesce(c.last_at, c.befriended_at, 'epoch'), coalesce(m.pinned, false), coalesce(m.muted, false),
            newest.seq, newest.own, newest.key, newest.content, newest.created_at,
            coalesce(m.cleared_seq, 0), coalesce(m.hidden AND c.last_seq <= m.cleared_seq, false),
            ARRAY(SELECT s.seq FROM recalls_by_change AS s (conversation_id, stamp, seq)
                   WHERE s.conversation_id = e.id AND " {IS_NEW} " ORDER BY s.seq),
            ARRAY(SELECT s.seq FROM deletions_by_change AS s (conversation_id, user_id, stamp, seq)
                   WHERE s.conversation_id = e.id AND s.user_id = r.user_id AND " {IS_NEW} " ORDER BY s.seq)
       FROM unnest(" [users: Array<SqlUuid>] ", " [lineages: Array<SqlUuid>] ", " [seen: Array<BigInt>] ", "
            [since: Array<Nullable<BigInt>>] ", " [until: Array<BigInt>] ", " [open: Array<Text>] ", "
            [after: Array<SqlUuid>] ", " [most: Array<BigInt>] ", " [receipts: Array<Bool>] ")
            WITH ORDINALITY AS r (user_id, lineage, seen, since, until, open, after, most, receipts, n)"
    {SNAPSHOT} {IS_PRESENT} {CURSORS} {SCAN}
    "c.related_in >= base.since AND EXISTS (
         SELECT FROM (SELECT c.related_in AS stamp) s WHERE " {IS_NEW} ") AS related,
     c.friends AND u.shown_in >= base.since AND EXISTS (
         SELECT FROM (SELECT u.shown_in AS stamp) s WHERE " {IS_NEW} ") AS renamed,
     m.user_id IS NOT NULL AND (base.since IS NULL OR (
         greatest(" {STAMPS} ") >= base.since
         AND EXISTS (SELECT FROM unnest(ARRAY[" {STAMPS} "]) AS s (stamp) WHERE " {IS_NEW} "))) AS is_news, "
    {UNREAD} " AS unread" {PAIRS} {MEMBERS} {OWN_KEY} {NEWEST}
}

#[derive(Queryable)]
pub(super) struct SyncRow {
    /// The number of the request in its batch.
    pub(super) number: i64,
    pub(super) snapshot: SnapshotColumns,
    pub(super) account: AccountColumns,
    pub(super) entry: EntryRow,
}

#[derive(Debug, Clone, Queryable)]
pub(super) struct SnapshotColumns {
    /// `None` before an instance has begun the lineage.
    pub(super) lineage: Option<Uuid>,
    pub(super) xmax: i64,
    pub(super) open: Vec<i64>,
    pub(super) is_standby: bool,
    /// Whether the request's cursor is of use.
    pub(super) good: bool,
}

/// What has changed apart from conversations.
#[derive(Debug, Clone, Copy, Queryable)]
pub(super) struct AccountColumns {
    related: bool,
    renamed: bool,
    unblocked: bool,
    own: bool,
    sessions: bool,
    pub(super) unread_total: i64,
}

impl AccountColumns {
    pub(super) fn stale(self) -> Vec<StaleList> {
        let is_stale = |list: &StaleList| match list {
            StaleList::Friendships => self.own || self.related || self.renamed,
            StaleList::FriendshipRequests | StaleList::Me => self.own || self.related,
            StaleList::Blocks => self.own || self.unblocked,
            StaleList::Sessions => self.sessions,
        };
        StaleList::ALL.into_iter().filter(is_stale).collect()
    }
}

/// What a request sends to the statement: a point that is checked, and one since which changes are reported.
struct Start<'a> {
    known: Option<&'a ReadPoint>,
    since: Option<&'a ReadPoint>,
    after: Uuid,
}

impl<'a> Start<'a> {
    const fn of(from: &'a SyncFrom) -> Self {
        match from {
            SyncFrom::Nothing | SyncFrom::Lost => Self { known: None, since: None, after: Uuid::nil() },
            SyncFrom::Place(SyncPlace::Point(point)) => {
                Self { known: Some(point), since: Some(point), after: Uuid::nil() }
            }
            SyncFrom::Place(SyncPlace::Page(SyncPosition { point, since, after })) => {
                Self { known: Some(point), since: since.as_ref(), after: after.as_uuid() }
            }
        }
    }

    /// The open transactions as the text of an array.
    fn open(&self) -> String {
        let ids = self.since.iter().flat_map(|since| &since.open);
        let ids: Vec<String> = ids.map(i64::to_string).collect();
        format!("{{{}}}", ids.join(","))
    }
}

/// The rows of the queries.
pub(super) fn rows_of(connection: &mut PgConnection, queries: &[SyncQuery]) -> Result<Vec<SyncRow>, DbError> {
    let all = || queries.iter();
    let starts = || all().map(|query| Start::of(&query.request.from));
    let statement = Syncs {
        users: &all().map(|query| query.user.as_uuid()).collect::<Vec<_>>(),
        lineages: &starts()
            .map(|start| start.known.map_or(Uuid::nil(), |known| known.lineage))
            .collect::<Vec<_>>(),
        seen: &starts().map(|start| start.known.map_or(0, |known| known.seen)).collect::<Vec<_>>(),
        since: &starts().map(|start| start.since.map(ReadPoint::xmin)).collect::<Vec<_>>(),
        until: &starts().map(|start| start.since.map_or(0, |since| since.xmax)).collect::<Vec<_>>(),
        open: &starts().map(|start| start.open()).collect::<Vec<_>>(),
        after: &starts().map(|start| start.after).collect::<Vec<_>>(),
        most: &all().map(|query| query.request.limit.get() + 1).collect::<Vec<_>>(),
        receipts: &all().map(|query| query.request.read_receipts).collect::<Vec<_>>(),
    };
    Ok(statement.load(connection)?)
}
