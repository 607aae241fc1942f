//! Messages that were stored a moment ago, by their places.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{PgConnection, Queryable, RunQueryDsl};
use domain::conversation::Directed;
use domain::message::{ClientMessageId, MessageState};
use domain::realtime::{MessageMark, StoredMessage};
use uuid::Uuid;

use super::row::state_from_row;
use crate::db::{DbError, statement};

statement! {
    ByPlace<'a> {
        conversations: &'a [Uuid],
        seqs: &'a [i64],
    } -> (BigInt, SqlUuid, Nullable<Text>, Nullable<Text>, Timestamptz);
    "SELECT p.number, m.sender_id, m.client_message_id, m.content, m.created_at
       FROM unnest(" [conversations: Array<SqlUuid>] ", " [seqs: Array<BigInt>] ")
            WITH ORDINALITY AS p (conversation_id, seq, number)
       JOIN messages m ON m.conversation_id = p.conversation_id AND m.seq = p.seq"
}

#[derive(Queryable)]
struct Columns {
    number: i64,
    sender: Uuid,
    key: Option<String>,
    content: Option<String>,
    created_at: DateTime<Utc>,
}

/// Reads messages by their places. By their numbers; those that were recalled meanwhile are left out.
pub(crate) fn read(
    connection: &mut PgConnection,
    marks: &[MessageMark],
) -> Result<HashMap<usize, StoredMessage>, DbError> {
    let conversations: Vec<Uuid> = marks.iter().map(|mark| mark.pair.conversation_id().as_uuid()).collect();
    let seqs: Vec<i64> = marks.iter().map(|mark| mark.seq.get()).collect();
    let statement = ByPlace { conversations: &conversations, seqs: &seqs };
    let rows: Vec<Columns> = statement.load(connection)?;
    let message = |row: Columns| {
        let number = usize::try_from(row.number).ok()?.checked_sub(1)?;
        let mark = *marks.get(number)?;
        let (lo, hi) = (mark.pair.lo(), mark.pair.hi());
        let from = if lo.as_uuid() == row.sender { Directed::new(lo, hi) } else { Directed::new(hi, lo) };
        let MessageState::Visible(body) = state_from_row(row.content) else { return None };
        let client_message_id = row.key.map(ClientMessageId::from_stored);
        Some((
            number,
            StoredMessage { from: from?, body, client_message_id, created_at: row.created_at, mark },
        ))
    };
    Ok(rows.into_iter().filter_map(message).collect())
}
