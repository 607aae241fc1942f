//! First step of a search: for each of the member's conversations, the blocks that contain the term and the messages that are
//! not in a block yet.

use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use domain::id::{ConversationId, UserId};
use domain::search::SearchRequest;
use uuid::Uuid;

use super::block::{BLOCK, block_of};
use super::read::{BlockRow, SeqRange};
use crate::db::{DbError, statement};

statement! {
    // The texts are matched inside the database; it returns only block numbers and times and, when many messages are wanted,
    // the newest block of each conversation, which the search reads anyway. A block whose messages the member all deleted is
    // left out. `OFFSET 0` keeps the planner from reading other
    // members' blocks for a join.
    Sources<'a> {
        member: &'a Uuid,
        conversation: Option<Uuid>,
        term: &'a str,
        until: Option<DateTime<Utc>>,
        block: i64,
        with_newest: bool,
    } -> (
        SqlUuid,
        (BigInt, BigInt, BigInt, BigInt, Nullable<Timestamptz>),
        (Nullable<Array<BigInt>>, Nullable<Array<Timestamptz>>),
        (Nullable<Array<Timestamptz>>, Nullable<Text>),
    );
    "SELECT r.conversation_id, r.cleared_seq, r.deleted_seq, r.indexed_seq, r.last_seq, r.last_at,
            b.blocks, b.newest, b.newest_times, b.newest_folded
       FROM (SELECT m.conversation_id, m.cleared_seq, m.deleted_seq, c.last_seq, c.last_at,
                    coalesce(p.indexed_seq, 0) AS indexed_seq
               FROM conversation_members m
              CROSS JOIN LATERAL (
                    SELECT c.last_seq, c.last_at FROM conversations c WHERE c.id = m.conversation_id OFFSET 0) c
               LEFT JOIN LATERAL (
                    SELECT p.indexed_seq FROM search_progress p
                     WHERE p.conversation_id = m.conversation_id OFFSET 0) p ON true
              WHERE m.user_id = " [member: SqlUuid] "
                AND (" [conversation: Nullable<SqlUuid>] " IS NULL
                     OR m.conversation_id = " [conversation: Nullable<SqlUuid>] ")
             OFFSET 0) r
      CROSS JOIN LATERAL (
            SELECT array_agg(b.block) AS blocks, array_agg(b.times[cardinality(b.times)]) AS newest,
                   max(b.times) FILTER (WHERE b.is_newest) AS newest_times,
                   max(b.folded) FILTER (WHERE b.is_newest) AS newest_folded
              FROM (SELECT b.block, b.times, b.folded,
                           " [with_newest: Bool] " AND b.block = (r.indexed_seq - 1) / " [block: BigInt] " AS is_newest
                      FROM search_blocks b
                     WHERE b.conversation_id = r.conversation_id AND b.block >= r.cleared_seq / " [block: BigInt] "
                       AND (" [until: Nullable<Timestamptz>] " IS NULL
                            OR b.times[1] <= " [until: Nullable<Timestamptz>] ")
                       AND strpos(b.folded, " [term: Text] ") > 0
                       AND CASE WHEN r.deleted_seq < (b.block + 1) * " [block: BigInt] " THEN true ELSE NOT coalesce((
                           SELECT d.last_seq >= (b.block + 1) * " [block: BigInt] " FROM message_deletions d
                            WHERE d.conversation_id = r.conversation_id AND d.user_id = " [member: SqlUuid] "
                              AND d.first_seq <= b.block * " [block: BigInt] " + 1
                            ORDER BY d.first_seq DESC LIMIT 1), false) END) b
            OFFSET 0) b"
}

/// A part of a conversation that may contain the term.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    /// The block with this number.
    Block(i64),
    /// Messages that are not in a block yet.
    Tail(SeqRange),
}

/// Which messages of a conversation a member does not see.
#[derive(Debug, Clone, Copy)]
pub(super) struct Visibility {
    /// All messages up to this seq are hidden (the member cleared them).
    pub(super) cleared_seq: i64,
    /// Messages up to this seq may be deleted one by one.
    pub(super) deleted_seq: i64,
}

/// A conversation of the member, and what to search in it.
pub(super) struct Source {
    pub(super) conversation: Uuid,
    pub(super) visibility: Visibility,
    /// The parts to read, each with an upper bound of its messages' times.
    pub(super) parts: Vec<(DateTime<Utc>, Part)>,
    /// The newest block, if this query has read it already.
    pub(super) newest: Option<BlockRow>,
}

/// The columns of [`Sources`], in its order.
#[derive(Queryable)]
struct SourceRow {
    conversation: Uuid,
    progress: ProgressColumns,
    matches: MatchColumns,
    newest: NewestBlockColumns,
}

/// How far the member has cleared and deleted, and how far the conversation is indexed and written.
#[derive(Queryable)]
struct ProgressColumns {
    cleared_seq: i64,
    deleted_seq: i64,
    indexed_seq: i64,
    last_seq: i64,
    last_at: Option<DateTime<Utc>>,
}

/// The matching blocks and the times of their newest messages, in parallel.
#[derive(Queryable)]
struct MatchColumns {
    blocks: Option<Vec<i64>>,
    newest_times: Option<Vec<DateTime<Utc>>>,
}

/// The newest block, if it matches and was requested.
#[derive(Queryable)]
struct NewestBlockColumns {
    times: Option<Vec<DateTime<Utc>>>,
    folded: Option<String>,
}

/// A page of more messages than this also fetches the newest block of each conversation.
const PREFETCH_ABOVE: i64 = 100;

fn source(row: SourceRow) -> Source {
    let SourceRow { conversation, progress, matches, newest } = row;
    let newest = match (newest.times, newest.folded) {
        (Some(times), Some(folded)) => {
            Some(BlockRow { conversation, number: block_of(progress.indexed_seq), times, folded })
        }
        _ => None,
    };
    let read = newest.as_ref().map(|newest| newest.number);
    let blocks = matches.blocks.into_iter().flatten().zip(matches.newest_times.into_iter().flatten());
    let unread = blocks.filter(|(block, _)| Some(*block) != read);
    let mut parts: Vec<(DateTime<Utc>, Part)> =
        unread.map(|(block, newest)| (newest, Part::Block(block))).collect();
    let (after, up_to) = (progress.indexed_seq.max(progress.cleared_seq), progress.last_seq);
    if let Some(last_at) = progress.last_at.filter(|_| up_to > after) {
        parts.push((last_at, Part::Tail(SeqRange { conversation, after, up_to })));
    }
    let visibility = Visibility { cleared_seq: progress.cleared_seq, deleted_seq: progress.deleted_seq };
    Source { conversation, visibility, parts, newest }
}

/// What to search of the member's conversations, or of the requested one only.
pub(super) fn sources(
    connection: &mut PgConnection,
    member: UserId,
    request: &SearchRequest,
    term: &str,
) -> Result<Vec<Source>, DbError> {
    let rows: Vec<SourceRow> = Sources {
        member: &member.as_uuid(),
        conversation: request.conversation.map(ConversationId::as_uuid),
        term,
        until: request.page.after.map(|cursor| cursor.created_at),
        block: BLOCK,
        with_newest: request.page.limit.get() > PREFETCH_ABOVE,
    }
    .load(connection)?;
    Ok(rows.into_iter().map(source).collect())
}

#[cfg(test)]
mod tests {
    use diesel::connection::SimpleConnection;
    use diesel::pg::Pg;
    use diesel::{Connection, QueryableByName};
    use test_db::{Template, TestDatabase};

    use super::*;

    const ME: u128 = 1;

    fn database() -> TestDatabase {
        let migrations = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations");
        let migrate =
            |url: &str| drop(crate::migrations::run(url, std::time::Duration::from_secs(60)).unwrap());
        TestDatabase::create(&Template::of_migrations(migrations.as_ref(), migrate))
    }

    /// Gives `user` `count` conversations of 40 messages, each with a new peer, all indexed.
    fn seed(connection: &mut PgConnection, user: u128, count: u32) {
        let user = Uuid::from_u128(user);
        let sql = format!(
            "INSERT INTO users (id, uid, name, password_hash) VALUES ('{user}', '{user}', 'x', '');
             CREATE TEMP TABLE seeded ON COMMIT DROP AS
                 SELECT gen_random_uuid() AS id, gen_random_uuid() AS peer FROM generate_series(1, {count});
             INSERT INTO users (id, uid, name, password_hash) SELECT peer, peer::text, 'x', '' FROM seeded;
             INSERT INTO conversations (id, user_lo, user_hi, last_seq, lo_sent, last_at)
                 SELECT id, least('{user}', peer), greatest('{user}', peer), 40, 40, now() FROM seeded;
             INSERT INTO conversation_members (conversation_id, user_id, peer_id)
                 SELECT id, '{user}', peer FROM seeded UNION ALL SELECT id, peer, '{user}' FROM seeded;
             INSERT INTO search_progress (conversation_id, indexed_seq) SELECT id, 40 FROM seeded;
             INSERT INTO search_blocks (conversation_id, block, times, folded)
                 SELECT id, block, ARRAY[now()], repeat('word ', 200) FROM seeded, generate_series(0, 1) block"
        );
        connection.transaction(|connection| connection.batch_execute(&sql)).unwrap();
    }

    /// Pages that the statement reads, by PostgreSQL's own count.
    fn pages(connection: &mut PgConnection) -> i64 {
        #[derive(QueryableByName)]
        struct Line {
            #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
            line: String,
        }
        let me = Uuid::from_u128(ME);
        let statement = Sources {
            member: &me,
            conversation: None,
            term: "word",
            until: None,
            block: BLOCK,
            with_newest: true,
        };
        let sql = diesel::debug_query::<Pg, _>(&statement).to_string();
        let (sql, _) = sql.split_once("-- binds").unwrap();
        let prepare = format!(
            "SET plan_cache_mode = 'force_generic_plan'; SET jit = off; SET enable_memoize = off; DEALLOCATE ALL;
             PREPARE sources (uuid, uuid, uuid, bool, bigint, bigint, timestamptz, timestamptz, text, bigint, bigint, uuid,
                              bigint) AS {sql}"
        );
        connection.batch_execute(&prepare).unwrap();
        let explain = format!(
            "EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF)
             EXECUTE sources ('{me}', NULL, NULL, true, {BLOCK}, {BLOCK}, NULL, NULL, 'word', {BLOCK}, {BLOCK},
                             '{me}', {BLOCK})"
        );
        #[expect(clippy::disallowed_methods, reason = "runs once, in a test")]
        let plan: Vec<Line> = diesel::sql_query(explain).load(connection).unwrap();
        // The first line with buffers is the sum of the whole statement.
        let whole = plan.iter().find(|line| line.line.contains("Buffers:")).unwrap().line.clone();
        let numbers = whole.split(|c: char| !c.is_ascii_digit()).filter(|number| !number.is_empty());
        numbers.map(|number| number.parse::<i64>().unwrap()).sum()
    }

    #[test]
    fn a_search_reads_pages_for_the_members_own_messages_only() {
        let database = database();
        let mut connection = PgConnection::establish(database.url()).unwrap();
        seed(&mut connection, ME, 20);
        let alone = pages(&mut connection);
        assert!(alone >= 20, "{alone}");
        for (user, analyze) in [(2, "SELECT 1"), (3, "ANALYZE")] {
            seed(&mut connection, user, 2000);
            connection.batch_execute(analyze).unwrap();
            let among_others = pages(&mut connection);
            // The indexes may be one level deeper, for each conversation and each of its rows.
            assert!(among_others <= 3 * alone, "{among_others} pages among others, {alone} alone, {analyze}");
        }
    }
}
