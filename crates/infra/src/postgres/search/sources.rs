//! Where a member's messages are searched: the blocks that may have the term, and what is not in blocks.

use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use domain::id::{ConversationId, UserId};
use domain::search::SearchRequest;
use uuid::Uuid;

use super::block::{BLOCK, block_of};
use super::read::{BlockRow, Span};
use crate::db::{DbError, statement};

statement! {
    // The texts are compared where they lie; only numbers and times come back, and where many messages are wanted the
    // newest block of each conversation, which will be read anyway. `OFFSET 0` keeps the planner from reading
    // other people's blocks to join a few of them.
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
                       AND strpos(b.folded, " [term: Text] ") > 0) b
            OFFSET 0) b"
}

/// A part of a conversation that may have the term.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    /// A block that has it.
    Block(i64),
    /// Messages that are in no block yet.
    Tail(Span),
}

/// What a member does not see of a conversation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Everything up to here.
    pub(super) floor: i64,
    /// Up to here some messages may be deleted.
    pub(super) deleted: i64,
}

/// A conversation of the member's.
pub(super) struct Source {
    pub(super) conversation: Uuid,
    /// What the member does not see.
    pub(super) limits: Limits,
    /// Its parts, each with the time of its newest message or a later one.
    pub(super) parts: Vec<(DateTime<Utc>, Part)>,
    /// A part that was read already.
    pub(super) newest: Option<BlockRow>,
}

type Standing = (i64, i64, i64, i64, Option<DateTime<Utc>>);
type Blocks = (Option<Vec<i64>>, Option<Vec<DateTime<Utc>>>);
type Newest = (Option<Vec<DateTime<Utc>>>, Option<String>);
type Row = (Uuid, Standing, Blocks, Newest);

/// Beyond so many messages, the newest block of each conversation comes along.
const MANY: i64 = 100;

fn source(row: Row) -> Source {
    let (conversation, (floor, deleted, indexed, last, last_at), (blocks, ends), newest) = row;
    let newest = match newest {
        (Some(times), Some(folded)) => Some((conversation, block_of(indexed), times, folded)),
        _ => None,
    };
    let read = newest.as_ref().map(|newest| newest.1);
    let blocks = blocks.into_iter().flatten().zip(ends.into_iter().flatten());
    let unread = blocks.filter(|(block, _)| Some(*block) != read);
    let mut parts: Vec<(DateTime<Utc>, Part)> =
        unread.map(|(block, end)| (end, Part::Block(block))).collect();
    let after = indexed.max(floor);
    if let Some(last_at) = last_at.filter(|_| last > after) {
        parts.push((last_at, Part::Tail(Span { conversation, after, up_to: last })));
    }
    Source { conversation, limits: Limits { floor, deleted }, parts, newest }
}

/// The member's conversations, or the one that is named, with what is to be read of them.
pub(super) fn sources(
    connection: &mut PgConnection,
    member: UserId,
    request: &SearchRequest,
    spelled: &str,
) -> Result<Vec<Source>, DbError> {
    let rows: Vec<Row> = Sources {
        member: &member.as_uuid(),
        conversation: request.conversation.map(ConversationId::as_uuid),
        term: spelled,
        until: request.page.after.map(|cursor| cursor.created_at),
        block: BLOCK,
        with_newest: request.page.limit.get() > MANY,
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

    /// `count` conversations of 40 messages each between somebody and people of its own, all in blocks.
    fn seed(connection: &mut PgConnection, somebody: u128, count: u32) {
        let somebody = Uuid::from_u128(somebody);
        let sql = format!(
            "INSERT INTO users (id, uid, name, password_hash) VALUES ('{somebody}', '{somebody}', 'x', '');
             CREATE TEMP TABLE seeded ON COMMIT DROP AS
                 SELECT gen_random_uuid() AS id, gen_random_uuid() AS peer FROM generate_series(1, {count});
             INSERT INTO users (id, uid, name, password_hash) SELECT peer, peer::text, 'x', '' FROM seeded;
             INSERT INTO conversations (id, user_lo, user_hi, last_seq, lo_sent, last_at)
                 SELECT id, least('{somebody}', peer), greatest('{somebody}', peer), 40, 40, now() FROM seeded;
             INSERT INTO conversation_members (conversation_id, user_id, peer_id)
                 SELECT id, '{somebody}', peer FROM seeded UNION ALL SELECT id, peer, '{somebody}' FROM seeded;
             INSERT INTO search_progress (conversation_id, indexed_seq) SELECT id, 40 FROM seeded;
             INSERT INTO search_blocks (conversation_id, block, times, folded)
                 SELECT id, block, ARRAY[now()], repeat('word ', 200) FROM seeded, generate_series(0, 1) block"
        );
        connection.transaction(|connection| connection.batch_execute(&sql)).unwrap();
    }

    /// The pages that the statement reads, as PostgreSQL itself counts them.
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
             PREPARE sources (uuid, uuid, uuid, bool, bigint, bigint, timestamptz, timestamptz, text) AS {sql}"
        );
        connection.batch_execute(&prepare).unwrap();
        let explain = format!(
            "EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF)
             EXECUTE sources ('{me}', NULL, NULL, true, {BLOCK}, {BLOCK}, NULL, NULL, 'word')"
        );
        #[allow(clippy::disallowed_methods, reason = "a test asks once")]
        let plan: Vec<Line> = diesel::sql_query(explain).load(connection).unwrap();
        // The first line with buffers is that of the whole statement.
        let whole = plan.iter().find(|line| line.line.contains("Buffers:")).unwrap().line.clone();
        let numbers = whole.split(|c: char| !c.is_ascii_digit()).filter(|number| !number.is_empty());
        numbers.map(|number| number.parse::<i64>().unwrap()).sum()
    }

    #[test]
    fn what_a_search_reads_is_bounded_by_the_members_own_messages_however_many_others_there_are() {
        let database = database();
        let mut connection = PgConnection::establish(database.url()).unwrap();
        seed(&mut connection, ME, 20);
        let alone = pages(&mut connection);
        assert!(alone >= 20, "{alone}");
        for (somebody, analyze) in [(2, "SELECT 1"), (3, "ANALYZE")] {
            seed(&mut connection, somebody, 2000);
            connection.batch_execute(analyze).unwrap();
            let among_others = pages(&mut connection);
            // The indexes may have grown by a level, for each conversation and each of its rows.
            assert!(among_others <= 3 * alone, "{among_others} pages among others, {alone} alone, {analyze}");
        }
    }
}
