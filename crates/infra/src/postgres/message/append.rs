//! The send path: lock the pairs, look known keys up, let the domain decide, store, all in one transaction.
//!
//! Every statement is set-based and of constant shape, so that it is prepared once and serves one draft as well as many.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use domain::conversation::PairState;
use domain::id::UserId;
use domain::message::{
    ClientMessageId, Draft, ExistingMessage, MessageContent, MessageId, MessagePosition, SendDecision,
    SendOutcome, Seq, decide_send,
};
use uuid::Uuid;

use crate::db::{DbError, statement};
use crate::postgres::pair::PairRow;

/// Whether the two are friends and neither is being erased. The few accounts that are (nearly always none) are read once per
/// statement, however many pairs it locks, so that nobody writes to an erased account while its friendships are still
/// being ended.
const FRIENDS: &str = "friends AND NOT ARRAY[user_lo, user_hi] && ARRAY(SELECT user_id FROM erasures WHERE stage = 'relations')";

statement! {
    // In the order of the ids, so that two batches cannot wait for each other.
    LockPairs<'a> { ids: &'a [Uuid] } -> (SqlUuid, (SqlUuid, SqlUuid, Bool, Bool, Bool, BigInt, BigInt, BigInt));
    "SELECT id, user_lo, user_hi, " {FRIENDS} ", lo_blocks, hi_blocks, last_seq, lo_sent, hi_sent
       FROM conversations
      WHERE id = ANY(" [ids: Array<SqlUuid>] ")
      ORDER BY id
        FOR NO KEY UPDATE"
}

statement! {
    // Leaves out what somebody else holds, so that one conversation cannot stall the others.
    LockFreePairs<'a> { ids: &'a [Uuid] } -> (SqlUuid, (SqlUuid, SqlUuid, Bool, Bool, Bool, BigInt, BigInt, BigInt));
    "SELECT id, user_lo, user_hi, " {FRIENDS} ", lo_blocks, hi_blocks, last_seq, lo_sent, hi_sent
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
    // A statement of its own, after the lock was granted: within one statement the snapshot would predate the wait.
    KnownKeys<'a> { conversations: &'a [Uuid], senders: &'a [Uuid], keys: &'a [&'a str] }
        -> (SqlUuid, SqlUuid, Text, BigInt, Nullable<Text>);
    "SELECT m.conversation_id, m.sender_id, m.client_message_id, m.seq, m.content
       FROM unnest(" [conversations: Array<SqlUuid>] ", " [senders: Array<SqlUuid>] ", " [keys: Array<Text>] ")
            AS k (conversation_id, sender_id, client_message_id)
       JOIN messages m USING (conversation_id, sender_id, client_message_id)"
}

statement! {
    // The time is read after the lock and never runs against seq, even if the machine's clock is set back.
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
        first: &'a Uuid,
    } -> (BigInt, BigInt, Timestamptz);
    "WITH moment AS MATERIALIZED (SELECT clock_timestamp() AS now),
          moved AS (
              UPDATE conversations c
                 SET last_seq = p.last_seq, lo_sent = p.lo_sent, hi_sent = p.hi_sent,
                     last_at = greatest(c.last_at, moment.now)
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
     SELECT count(*), pg_current_xact_id()::text::bigint, (SELECT last_at FROM moved WHERE id = " [first: SqlUuid] ")
       FROM stored"
}

/// What to do about a conversation that somebody else holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Locking {
    /// Leave its drafts undecided.
    Skip,
    /// Wait for it.
    Wait,
}

/// What a transaction did, once it is committed.
#[derive(Debug)]
pub(super) struct Appended {
    /// One per draft; none where somebody else held the conversation.
    pub(super) outcomes: Vec<Option<SendOutcome>>,
    /// How to find out whether it was committed; none when it stored nothing.
    pub(super) proof: Option<Proof>,
}

/// What is there if, and only if, a transaction was committed.
#[derive(Debug)]
pub(super) struct Proof {
    /// The transaction's id.
    pub(super) xid: i64,
    /// The first message that it stored.
    pub(super) message: MessageId,
    /// Whose that message is.
    pub(super) sender: UserId,
    /// The time that it was given.
    pub(super) created_at: DateTime<Utc>,
}

/// What makes a message the same one: conversation, sender and key.
type Key = (Uuid, Uuid, ClientMessageId);

fn key_of(draft: &Draft) -> Option<Key> {
    let key = draft.client_message_id.clone()?;
    Some((draft.pair.conversation_id().as_uuid(), draft.sender.as_uuid(), key))
}

/// The pairs of a batch, locked, and those that somebody else holds.
struct Pairs {
    locked: HashMap<Uuid, PairState>,
    held: HashSet<Uuid>,
}

/// Stores what the domain allows and tells what came of each draft.
pub(super) fn append(
    connection: &mut PgConnection,
    drafts: &[Draft],
    locking: Locking,
) -> Result<Appended, DbError> {
    let Pairs { locked: mut pairs, held } = lock_pairs(connection, drafts, locking)?;
    let mut known = known_keys(connection, drafts)?;
    let mut placed = Vec::with_capacity(drafts.len());
    let mut outcomes = Vec::with_capacity(drafts.len());
    for draft in drafts {
        let id = draft.pair.conversation_id();
        if held.contains(&id.as_uuid()) {
            outcomes.push(None);
            continue;
        }
        let key = key_of(draft);
        let known_message = key.as_ref().and_then(|key| known.get(key));
        outcomes.push(Some(match decide_send(draft, pairs.get_mut(&id.as_uuid()), known_message) {
            SendDecision::Store(place) => {
                // A twin later in the same batch finds it here.
                if let Some(key) = key {
                    known.insert(
                        key,
                        ExistingMessage { seq: place.seq, content: Some(draft.content.clone()) },
                    );
                }
                placed.push((draft, place));
                SendOutcome::Sent(MessageId { conversation: id, seq: place.seq })
            }
            SendDecision::Known(seq) => SendOutcome::Sent(MessageId { conversation: id, seq }),
            SendDecision::Refuse(refusal) => SendOutcome::Refused(refusal),
        }));
    }
    let proof = store(connection, &placed, &pairs)?;
    Ok(Appended { outcomes, proof })
}

fn lock_pairs(connection: &mut PgConnection, drafts: &[Draft], locking: Locking) -> Result<Pairs, DbError> {
    let mut ids: Vec<Uuid> = drafts.iter().map(|draft| draft.pair.conversation_id().as_uuid()).collect();
    ids.sort_unstable();
    ids.dedup();
    let rows: Vec<(Uuid, PairRow)> = match locking {
        Locking::Wait => LockPairs { ids: &ids }.load(connection)?,
        Locking::Skip => LockFreePairs { ids: &ids }.load(connection)?,
    };
    let locked: HashMap<Uuid, PairState> = rows
        .into_iter()
        .map(|(id, row)| Ok((id, PairState::try_from(row)?)))
        .collect::<Result<_, DbError>>()?;
    // What was not locked is held by somebody else, or was never there.
    ids.retain(|id| !locked.contains_key(id));
    let held = if ids.is_empty() || locking == Locking::Wait {
        HashSet::new()
    } else {
        ExistingPairs { ids: &ids }.load::<(Uuid,)>(connection)?.into_iter().map(|(id,)| id).collect()
    };
    Ok(Pairs { locked, held })
}

fn known_keys(
    connection: &mut PgConnection,
    drafts: &[Draft],
) -> Result<HashMap<Key, ExistingMessage>, DbError> {
    let with_key: Vec<Key> = drafts.iter().filter_map(key_of).collect();
    if with_key.is_empty() {
        return Ok(HashMap::new());
    }
    let conversations: Vec<Uuid> = with_key.iter().map(|key| key.0).collect();
    let senders: Vec<Uuid> = with_key.iter().map(|key| key.1).collect();
    let keys: Vec<&str> = with_key.iter().map(|key| key.2.as_str()).collect();
    KnownKeys { conversations: &conversations, senders: &senders, keys: &keys }
        .load::<(Uuid, Uuid, String, i64, Option<String>)>(connection)?
        .into_iter()
        .map(|(conversation, sender, key, seq, content)| {
            let key = ClientMessageId::parse(key).map_err(DbError::stored("messages", conversation))?;
            let content = content.map(MessageContent::from_stored);
            Ok(((conversation, sender, key), ExistingMessage { seq: Seq::new(seq), content }))
        })
        .collect()
}

fn store(
    connection: &mut PgConnection,
    placed: &[(&Draft, MessagePosition)],
    pairs: &HashMap<Uuid, PairState>,
) -> Result<Option<Proof>, DbError> {
    let Some((first, first_place)) = placed.first() else { return Ok(None) };
    let conversations: Vec<Uuid> =
        placed.iter().map(|(draft, _)| draft.pair.conversation_id().as_uuid()).collect();
    let seqs: Vec<i64> = placed.iter().map(|(_, place)| place.seq.get()).collect();
    let senders: Vec<Uuid> = placed.iter().map(|(draft, _)| draft.sender.as_uuid()).collect();
    let ordinals: Vec<i64> = placed.iter().map(|(_, place)| place.sender_ordinal).collect();
    let keys: Vec<Option<&str>> = placed
        .iter()
        .map(|(draft, _)| draft.client_message_id.as_ref().map(ClientMessageId::as_str))
        .collect();
    let contents: Vec<&str> = placed.iter().map(|(draft, _)| draft.content.as_str()).collect();
    let mut moved = conversations.clone();
    moved.sort_unstable();
    moved.dedup();
    let states: Vec<&PairState> = moved.iter().filter_map(|id| pairs.get(id)).collect();
    let message = MessageId { conversation: first.pair.conversation_id(), seq: first_place.seq };
    let (stored, xid, created_at): (i64, i64, DateTime<Utc>) = Store {
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
        first: &message.conversation.as_uuid(),
    }
    .get_result(connection)?;
    if usize::try_from(stored) != Ok(placed.len()) {
        return Err(DbError::Impossible("messages: not every placed draft was stored"));
    }
    Ok(Some(Proof { xid, message, sender: first.sender, created_at }))
}
