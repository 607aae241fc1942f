//! The send transaction: lock the pairs, look up idempotency keys, let the domain decide, bulk-insert.
//!
//! Every statement is set-based and of constant shape: it is prepared once and serves one draft as well as a batch.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use domain::conversation::PairState;
use domain::id::UserId;
use domain::message::{
    ClientMessageId, Draft, ExistingMessage, MessageId, MessagePosition, MessageState, SendDecision,
    SendOutcome, SendRefusal, SentMessage, decide_send,
};
use domain::realtime::MessageMark;
use uuid::Uuid;

use super::dedup::{KnownMessage, dedup_key, existing_messages};
use super::row::text_of;
use crate::db::{DbError, statement};
use crate::postgres::change::STAMP;
use crate::postgres::pairs::pair::PairRow;

/// True if the two are friends and neither account is being erased. An erased account thus receives no messages while its
/// friendships are still being removed. The list of running erasures (nearly always empty) is read once per statement,
/// however many pairs it locks.
const FRIENDS: &str = "friends AND NOT ARRAY[user_lo, user_hi] && ARRAY(SELECT user_id FROM erasures WHERE stage = 'relations')";

statement! {
    // Locks in id order, so that two batches cannot deadlock.
    LockPairs<'a> { ids: &'a [Uuid] } -> (SqlUuid, (SqlUuid, SqlUuid, Bool, Bool, Bool, BigInt, BigInt, BigInt), BigInt);
    "SELECT id, user_lo, user_hi, " {FRIENDS} ", lo_blocks, hi_blocks, last_seq, lo_sent, hi_sent, changed_in
       FROM conversations
      WHERE id = ANY(" [ids: Array<SqlUuid>] ")
      ORDER BY id
        FOR NO KEY UPDATE"
}

statement! {
    // Skips pairs that another transaction has locked, so that one conversation cannot stall the batch.
    LockFreePairs<'a> { ids: &'a [Uuid] } -> (SqlUuid, (SqlUuid, SqlUuid, Bool, Bool, Bool, BigInt, BigInt, BigInt), BigInt);
    "SELECT id, user_lo, user_hi, " {FRIENDS} ", lo_blocks, hi_blocks, last_seq, lo_sent, hi_sent, changed_in
       FROM conversations
      WHERE id = ANY(" [ids: Array<SqlUuid>] ")
      ORDER BY id
        FOR NO KEY UPDATE SKIP LOCKED"
}

statement! {
    ExistingPairs<'a> { ids: &'a [Uuid] } -> (SqlUuid);
    "SELECT id FROM conversations WHERE id = ANY(" [ids: Array<SqlUuid>] ")"
}

statement! {
    // The time is read after locking and never decreases along seq, even if the machine's clock is set back.
    Store<'a> {
        conversations: &'a [Uuid],
        seqs: &'a [i64],
        senders: &'a [Uuid],
        ordinals: &'a [i64],
        keys: &'a [Option<&'a str>],
        contents: &'a [&'a str],
        moved: &'a [Uuid],
        last_seqs: &'a [i64],
        lo_sents: &'a [i64],
        hi_sents: &'a [i64],
    } -> (BigInt, Array<SqlUuid>, Array<Timestamptz>, BigInt);
    "WITH moment AS MATERIALIZED (SELECT clock_timestamp() AS now, " {STAMP} " AS stamp),
          moved AS (
              UPDATE conversations c
                 SET last_seq = p.last_seq, lo_sent = p.lo_sent, hi_sent = p.hi_sent,
                     last_at = greatest(c.last_at, moment.now), changed_in = moment.stamp
                FROM moment, unnest(" [moved: Array<SqlUuid>] ", " [last_seqs: Array<BigInt>] ", "
                     [lo_sents: Array<BigInt>] ", " [hi_sents: Array<BigInt>] ") AS p (id, last_seq, lo_sent, hi_sent)
               WHERE c.id = p.id
           RETURNING c.id, c.last_at),
          stored AS (
     INSERT INTO messages
            (conversation_id, seq, sender_id, sender_ordinal, client_message_id, content, created_at)
     SELECT d.conversation_id, d.seq, d.sender_id, d.ordinal, d.key, d.content, moved.last_at
       FROM unnest(" [conversations: Array<SqlUuid>] ", " [seqs: Array<BigInt>] ", " [senders: Array<SqlUuid>] ", "
            [ordinals: Array<BigInt>] ", " [keys: Array<Nullable<Text>>] ", " [contents: Array<Text>] ")
            AS d (conversation_id, seq, sender_id, ordinal, key, content)
       JOIN moved ON moved.id = d.conversation_id
  RETURNING seq)
     SELECT count(*), (SELECT array_agg(id) FROM moved), (SELECT array_agg(last_at) FROM moved), (SELECT stamp FROM moment)
       FROM stored"
}

/// How to treat a conversation that another transaction has locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Locking {
    /// Leave its drafts undecided.
    Skip,
    /// Wait for the lock.
    Wait,
}

/// The result of a send transaction; valid only once it is committed.
#[derive(Debug)]
pub(super) struct Appended {
    /// One per draft; `None` if another transaction held its conversation.
    pub(super) outcomes: Vec<Option<SendOutcome>>,
    /// The places of the drafts that are stored, by the drafts' numbers.
    pub(super) marks: Vec<(usize, MessageMark)>,
    /// Finds out whether the transaction was committed; `None` if it stored nothing.
    pub(super) probe: Option<CommitProbe>,
}

/// Identifies a row that exists if, and only if, the transaction was committed.
#[derive(Debug)]
pub(super) struct CommitProbe {
    /// The first message that the transaction stored.
    pub(super) message: MessageId,
    /// The message's sender.
    pub(super) sender: UserId,
    /// The message's timestamp.
    pub(super) created_at: DateTime<Utc>,
}

/// The pairs of a batch: those locked here, and those that another transaction holds.
struct BatchPairs {
    locked: HashMap<Uuid, PairState>,
    /// The stamps of the locked ones before this transaction.
    stamps: HashMap<Uuid, i64>,
    held: HashSet<Uuid>,
}

/// A draft that is to be stored.
struct Placed<'a> {
    /// Its number in the batch.
    number: usize,
    draft: &'a Draft,
    position: MessagePosition,
}

impl Placed<'_> {
    fn conversation(&self) -> Uuid {
        self.draft.from.pair.conversation_id().as_uuid()
    }
}

/// Stores the drafts that the domain accepts and returns one outcome per draft.
pub(super) fn append(
    connection: &mut PgConnection,
    drafts: &[Draft],
    locking: Locking,
) -> Result<Appended, DbError> {
    let BatchPairs { locked: mut pairs, stamps, held } = lock_pairs(connection, drafts, locking)?;
    let mut existing = existing_messages(connection, drafts)?;
    let mut placed = Vec::with_capacity(drafts.len());
    let mut outcomes = Vec::with_capacity(drafts.len());
    for (number, draft) in drafts.iter().enumerate() {
        let id = draft.from.pair.conversation_id();
        if held.contains(&id.as_uuid()) {
            outcomes.push(None);
            continue;
        }
        let key = dedup_key(draft);
        let duplicate = key.as_ref().and_then(|key| existing.get(key));
        let sent_at = |seq, at| (MessageId { conversation: id, seq }, at);
        outcomes.push(Some(
            match decide_send(draft, pairs.get_mut(&id.as_uuid()), duplicate.map(|known| &known.message)) {
                SendDecision::Store(position) => {
                    // A duplicate later in the same batch finds it here.
                    if let Some(key) = key {
                        let state = MessageState::Visible(draft.body.clone());
                        let message = ExistingMessage { seq: position.seq, state };
                        existing.insert(key, KnownMessage { message, created_at: None });
                    }
                    placed.push(Placed { number, draft, position });
                    Ok(sent_at(position.seq, None))
                }
                SendDecision::Existing(seq) => Ok(sent_at(seq, duplicate.and_then(|known| known.created_at))),
                SendDecision::Refuse(refusal) => Err(refusal),
            },
        ));
    }
    let (stored_at, stamp) = store(connection, &placed, &pairs)?;
    Ok(Appended {
        probe: probe(&placed, &stored_at)?,
        outcomes: with_times(outcomes, &stored_at)?,
        marks: marks(&placed, stamps, stamp),
    })
}

/// The places of the stored drafts. Of several in one conversation each follows the one before it.
fn marks(placed: &[Placed<'_>], mut stamps: HashMap<Uuid, i64>, stamp: i64) -> Vec<(usize, MessageMark)> {
    let mark = |placed: &Placed<'_>| {
        let follows = stamps.insert(placed.conversation(), stamp).unwrap_or_default();
        let (pair, seq) = (placed.draft.from.pair, placed.position.seq);
        (placed.number, MessageMark { pair, seq, stamp, follows })
    };
    placed.iter().map(mark).collect()
}

/// The decision on a draft: the message with its time, `None` if this batch stores it, or the refusal.
type Decided = Result<(MessageId, Option<DateTime<Utc>>), SendRefusal>;

/// When the messages of each conversation were stored: those of one batch and conversation have one time.
type StoredAt = HashMap<Uuid, DateTime<Utc>>;

fn time_of(message: MessageId, stored_at: &StoredAt) -> Result<DateTime<Utc>, DbError> {
    let time = stored_at.get(&message.conversation.as_uuid()).copied();
    time.ok_or(DbError::Impossible("messages: a stored message has no time"))
}

fn with_times(
    decided: Vec<Option<Decided>>,
    stored_at: &StoredAt,
) -> Result<Vec<Option<SendOutcome>>, DbError> {
    let outcome = |decided: Decided| match decided {
        Ok((id, at)) => {
            let created_at = at.map_or_else(|| time_of(id, stored_at), Ok)?;
            Ok(SendOutcome::Sent(SentMessage { id, created_at }))
        }
        Err(refusal) => Ok(SendOutcome::Refused(refusal)),
    };
    decided.into_iter().map(|decided| decided.map(outcome).transpose()).collect()
}

fn probe(placed: &[Placed<'_>], stored_at: &StoredAt) -> Result<Option<CommitProbe>, DbError> {
    let Some(Placed { draft: first, position, .. }) = placed.first() else { return Ok(None) };
    let message = MessageId { conversation: first.from.pair.conversation_id(), seq: position.seq };
    let created_at = time_of(message, stored_at)?;
    Ok(Some(CommitProbe { message, sender: first.from.user(), created_at }))
}

fn lock_pairs(
    connection: &mut PgConnection,
    drafts: &[Draft],
    locking: Locking,
) -> Result<BatchPairs, DbError> {
    let mut ids: Vec<Uuid> = drafts.iter().map(|draft| draft.from.pair.conversation_id().as_uuid()).collect();
    ids.sort_unstable();
    ids.dedup();
    let rows: Vec<(Uuid, PairRow, i64)> = match locking {
        Locking::Wait => LockPairs { ids: &ids }.load(connection)?,
        Locking::Skip => LockFreePairs { ids: &ids }.load(connection)?,
    };
    let stamps = rows.iter().map(|(id, _, stamp)| (*id, *stamp)).collect();
    let locked: HashMap<Uuid, PairState> = rows
        .into_iter()
        .map(|(id, row, _)| Ok((id, PairState::try_from(row)?)))
        .collect::<Result<_, DbError>>()?;
    // A pair that was not locked is held by another transaction or does not exist.
    ids.retain(|id| !locked.contains_key(id));
    let held = if ids.is_empty() || locking == Locking::Wait {
        HashSet::new()
    } else {
        ExistingPairs { ids: &ids }.load::<(Uuid,)>(connection)?.into_iter().map(|(id,)| id).collect()
    };
    Ok(BatchPairs { locked, stamps, held })
}

fn store(
    connection: &mut PgConnection,
    placed: &[Placed<'_>],
    pairs: &HashMap<Uuid, PairState>,
) -> Result<(StoredAt, i64), DbError> {
    if placed.is_empty() {
        return Ok((StoredAt::new(), 0));
    }
    let conversations: Vec<Uuid> = placed.iter().map(Placed::conversation).collect();
    let seqs: Vec<i64> = placed.iter().map(|one| one.position.seq.get()).collect();
    let senders: Vec<Uuid> = placed.iter().map(|one| one.draft.from.user().as_uuid()).collect();
    let ordinals: Vec<i64> = placed.iter().map(|one| one.position.sender_ordinal).collect();
    let keys: Vec<Option<&str>> =
        placed.iter().map(|one| one.draft.client_message_id.as_ref().map(ClientMessageId::as_str)).collect();
    let contents: Vec<&str> = placed.iter().map(|one| text_of(&one.draft.body)).collect();
    let mut moved = conversations.clone();
    moved.sort_unstable();
    moved.dedup();
    let states: Vec<&PairState> = moved.iter().filter_map(|id| pairs.get(id)).collect();
    let (stored, ids, times, stamp): (i64, Vec<Uuid>, Vec<DateTime<Utc>>, i64) = Store {
        conversations: &conversations,
        seqs: &seqs,
        senders: &senders,
        ordinals: &ordinals,
        keys: &keys,
        contents: &contents,
        moved: &moved,
        last_seqs: &states.iter().map(|state| state.last_seq.get()).collect::<Vec<_>>(),
        lo_sents: &states.iter().map(|state| state.lo_sent).collect::<Vec<_>>(),
        hi_sents: &states.iter().map(|state| state.hi_sent).collect::<Vec<_>>(),
    }
    .get_result(connection)?;
    if usize::try_from(stored) != Ok(placed.len()) {
        return Err(DbError::Impossible("messages: fewer rows were inserted than drafts accepted"));
    }
    Ok((ids.into_iter().zip(times).collect(), stamp))
}
