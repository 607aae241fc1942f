//! Negative controls: changes made by hand in the database that the checker must notice.

use anyhow::{Context, bail};

use crate::final_state::FinalState;
use crate::history::{SendStatus, UserHistory};
use crate::scenario::FinalDatabase;
use crate::simulation::Simulation;
use crate::violation::ViolatedRule;

/// A change and how to undo it. `$1` is a condition that selects the row.
struct Control {
    name: &'static str,
    change: &'static str,
    undo: &'static str,
    must_break: ViolatedRule,
}

const CONTROLS: [Control; 3] = [
    Control {
        name: "one row deleted",
        change: "CREATE TABLE control AS SELECT * FROM messages WHERE $1; DELETE FROM messages WHERE $1",
        undo: "INSERT INTO messages SELECT * FROM control; DROP TABLE control",
        must_break: ViolatedRule::Lost,
    },
    // The counters are changed too, so that only the duplicate can be noticed.
    Control {
        name: "one row duplicated",
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
        must_break: ViolatedRule::Doubled,
    },
    Control {
        name: "one text altered",
        change: "UPDATE messages SET content = content || ' ' WHERE $1",
        undo: "UPDATE messages SET content = left(content, -1) WHERE $1",
        must_break: ViolatedRule::Altered,
    },
];

/// Applies one change after the other. Returns how many the checker noticed, and how many there were.
///
/// # Errors
/// When a change cannot be made or undone.
pub(crate) fn run(
    simulation: &Simulation,
    database: &dyn FinalDatabase,
    records: &[UserHistory],
) -> anyhow::Result<(usize, usize)> {
    let (pair, seq) = victim(simulation, records)?;
    let row = format!("conversation_id = '{}' AND seq = {seq}", simulation.pair(pair)?.conversation);
    let mut noticed = 0;
    for control in &CONTROLS {
        database.execute(&control.change.replace("$1", &row)).context(control.name)?;
        let found = FinalState::new(simulation)?.check(pair, records)?;
        noticed += usize::from(found.iter().any(|violation| violation.rule == control.must_break));
        database.execute(&control.undo.replace("$1", &row)).context(control.name)?;
        let left = FinalState::new(simulation)?.check(pair, records)?;
        anyhow::ensure!(left.is_empty(), "{} was not undone: {left:?}", control.name);
    }
    Ok((noticed, CONTROLS.len()))
}

/// A message that was acknowledged and not recalled, in a conversation whose members have always been friends.
fn victim(simulation: &Simulation, records: &[UserHistory]) -> anyhow::Result<(usize, i64)> {
    for (number, pair) in simulation.pairs.iter().enumerate().filter(|(_, pair)| !pair.unsteady) {
        let record = records.get(pair.second).context("a user has no history")?;
        let recalled = record.sides.get(&number).map(|side| &side.recalled);
        let sent = record.sends.iter().enumerate().filter(|(_, send)| send.pair == number);
        let known = sent.filter_map(|(place, send)| match send.outcome {
            SendStatus::Acknowledged(id) if !recalled.is_some_and(|set| set.contains(&place)) => Some(id),
            _ => None,
        });
        let known: Vec<u64> = known.collect();
        if let Some(id) = known.get(known.len() / 2) {
            return Ok((number, FinalState::new(simulation)?.place_of(number, *id)?));
        }
    }
    bail!("no message is available for the negative controls")
}
