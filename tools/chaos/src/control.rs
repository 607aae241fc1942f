//! Negative controls: the checker must notice what is changed by hand.

use anyhow::{Context, bail};
use local_postgres::Cluster;

use crate::history::{Outcome, Record};
use crate::reader::Reader;
use crate::stage::DATABASE;
use crate::violation::Rule;
use crate::world::World;

/// A change by hand, and how it is taken back. `$1` stands for the row that is changed.
struct Control {
    name: &'static str,
    change: &'static str,
    undo: &'static str,
    must_break: Rule,
}

const CONTROLS: [Control; 3] = [
    Control {
        name: "one row deleted",
        change: "CREATE TABLE control AS SELECT * FROM messages WHERE $1; DELETE FROM messages WHERE $1",
        undo: "INSERT INTO messages SELECT * FROM control; DROP TABLE control",
        must_break: Rule::Lost,
    },
    // The counts go along, so that nothing but the doubling can be noticed.
    Control {
        name: "one row doubled",
        change: "CREATE TABLE control AS SELECT * FROM conversations WHERE id = (SELECT conversation_id FROM messages WHERE $1);
            UPDATE conversations c SET last_seq = last_seq + 1,
                   lo_sent = lo_sent + (m.sender_id = c.user_lo)::int, hi_sent = hi_sent + (m.sender_id = c.user_hi)::int
              FROM (SELECT conversation_id, sender_id FROM messages WHERE $1) m WHERE c.id = m.conversation_id;
            INSERT INTO messages
            SELECT m.conversation_id, c.last_seq, m.sender_id,
                   CASE WHEN m.sender_id = c.user_lo THEN c.lo_sent ELSE c.hi_sent END, NULL, m.content, c.last_at, NULL
              FROM (SELECT * FROM messages WHERE $1) m JOIN conversations c ON c.id = m.conversation_id",
        undo: "DELETE FROM messages m USING control k WHERE m.conversation_id = k.id AND m.seq > k.last_seq;
            UPDATE conversations c SET last_seq = k.last_seq, lo_sent = k.lo_sent, hi_sent = k.hi_sent
              FROM control k WHERE c.id = k.id;
            DROP TABLE control",
        must_break: Rule::Doubled,
    },
    Control {
        name: "one text altered",
        change: "UPDATE messages SET content = content || ' ' WHERE $1",
        undo: "UPDATE messages SET content = left(content, -1) WHERE $1",
        must_break: Rule::Altered,
    },
];

/// Changes one message after the other by hand and tells how many changes the checker noticed, of how many.
///
/// # Errors
/// When a change cannot be made or taken back.
pub(crate) fn run(world: &World, cluster: &Cluster, records: &[Record]) -> anyhow::Result<(usize, usize)> {
    let (pair, seq) = victim(world, records)?;
    let row = format!("conversation_id = '{}' AND seq = {seq}", world.pair(pair)?.conversation);
    let mut noticed = 0;
    for control in &CONTROLS {
        cluster.execute_sql(DATABASE, &control.change.replace("$1", &row)).context(control.name)?;
        let found = Reader::new(world)?.check(pair, records)?;
        noticed += usize::from(found.iter().any(|violation| violation.rule == control.must_break));
        cluster.execute_sql(DATABASE, &control.undo.replace("$1", &row)).context(control.name)?;
        let left = Reader::new(world)?.check(pair, records)?;
        anyhow::ensure!(left.is_empty(), "{} was not taken back: {left:?}", control.name);
    }
    Ok((noticed, CONTROLS.len()))
}

/// A message that was acknowledged and not recalled, in a conversation whose two have always been friends.
fn victim(world: &World, records: &[Record]) -> anyhow::Result<(usize, i64)> {
    for (number, pair) in world.pairs.iter().enumerate().filter(|(_, pair)| !pair.fickle) {
        let record = records.get(pair.second).context("somebody without a record")?;
        let recalled = record.sides.get(&number).map(|side| &side.recalled);
        let sent = record.sends.iter().enumerate().filter(|(_, send)| send.pair == number);
        let known = sent.filter_map(|(place, send)| match send.outcome {
            Outcome::Acknowledged(id) if !recalled.is_some_and(|set| set.contains(&place)) => Some(id),
            _ => None,
        });
        let known: Vec<u64> = known.collect();
        if let Some(id) = known.get(known.len() / 2) {
            return Ok((number, Reader::new(world)?.place_of(number, *id)?));
        }
    }
    bail!("no message is left to be changed by hand")
}
