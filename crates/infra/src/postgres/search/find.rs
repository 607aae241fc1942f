//! How a search finds its messages: newest first, reading no more than it must.
//!
//! The blocks tell which messages may have the term, and when each was stored. What is not in a block yet is read from
//! `messages`. All of these parts are taken up by the time of their newest message, until nothing that is left can be newer
//! than what was found. What was found is read from `messages`, as the member sees it.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use domain::id::UserId;
use domain::message::{Message, MessageContent};
use domain::search::{SearchCursor, SearchPage, SearchRequest};
use uuid::Uuid;

use super::block::{before, places, spell_term};
use super::read::{self, BlockRow, Doubt, Span};
use super::sources::{Limits, Part, Source, sources};
use crate::db::{DbError, statement};

/// Parts that are taken up at once.
const PARTS_AT_ONCE: usize = 512;
/// Messages of a conversation that are read at once of what is not in a block.
const TAIL_AT_ONCE: i64 = 64;
/// How long one search may take.
const PATIENCE: Duration = Duration::from_secs(3);

statement! {
    // What a search may cost others is bounded even if its plan is bad.
    BoundTime<'a> { most: &'a str } -> (Text);
    "SELECT set_config('statement_timeout', " [most: Text] ", true)"
}

/// Where a message stands among what is found: time, conversation, place.
type Key = (DateTime<Utc>, Uuid, i64);

fn key(cursor: SearchCursor) -> Key {
    (cursor.created_at, cursor.message.conversation.as_uuid(), cursor.message.seq.get())
}

/// What is still to be read, the newest on top.
struct Waiting {
    newest: DateTime<Utc>,
    conversation: Uuid,
    part: Part,
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> Ordering {
        self.newest.cmp(&other.newest)
    }
}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.newest == other.newest
    }
}

impl Eq for Waiting {}

/// A search on its way.
struct Search<'a> {
    member: UserId,
    request: &'a SearchRequest,
    spelled: String,
    limits: HashMap<Uuid, Limits>,
    waiting: BinaryHeap<Waiting>,
    /// What may have the term, the newest on top.
    candidates: BinaryHeap<Key>,
    found: Vec<Message>,
}

/// Searches; none when the conversation that was named is not the member's. It must run in a transaction that shows one
/// moment.
pub(super) fn find(
    connection: &mut PgConnection,
    member: UserId,
    request: &SearchRequest,
) -> Result<Option<SearchPage>, DbError> {
    let begun = Instant::now();
    let _: (String,) = BoundTime { most: &PATIENCE.as_millis().to_string() }.get_result(connection)?;
    let spelled = spell_term(&request.term);
    let sources = sources(connection, member, request, &spelled)?;
    if sources.is_empty() && request.conversation.is_some() {
        return Ok(None);
    }
    let limits = sources.iter().map(|source| (source.conversation, source.limits)).collect();
    let (waiting, candidates, found) = (BinaryHeap::new(), BinaryHeap::new(), Vec::new());
    let mut search = Search { member, request, spelled, limits, waiting, candidates, found };
    sources.into_iter().for_each(|source| search.await_parts(source));
    while search.missing() > 0 && search.goes_on() {
        if begun.elapsed() > PATIENCE {
            return Err(DbError::Overdue("a search took too long"));
        }
        search.take_up(connection)?;
        search.see(connection)?;
    }
    Ok(Some(SearchPage::from_lookahead(search.found, request.page.limit.get(), SearchCursor::of)))
}

impl Search<'_> {
    /// How many are still wanted: one more than is shown, to see whether another page follows.
    fn missing(&self) -> usize {
        let wanted = usize::try_from(self.request.page.limit.get()).unwrap_or(usize::MAX).saturating_add(1);
        wanted.saturating_sub(self.found.len())
    }

    fn goes_on(&self) -> bool {
        !self.waiting.is_empty() || !self.candidates.is_empty()
    }

    fn await_parts(&mut self, source: Source) {
        let Source { conversation, parts, newest, .. } = source;
        self.waiting.extend(parts.into_iter().map(|(newest, part)| Waiting { newest, conversation, part }));
        if let Some(read) = newest {
            self.look_through(&read);
        }
    }

    /// Notes which messages of a block have the term.
    fn look_through(&mut self, (conversation, block, times, folded): &BlockRow) {
        for place in places(folded, &self.spelled) {
            let seq = before(*block) + 1 + i64::try_from(place).unwrap_or(i64::MAX);
            if let Some(at) = times.get(place) {
                self.candidates.push((*at, *conversation, seq));
            }
        }
    }

    /// Reads the parts that may hold the newest messages.
    fn take_up(&mut self, connection: &mut PgConnection) -> Result<(), DbError> {
        let (mut ids, mut blocks, mut tails) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..PARTS_AT_ONCE {
            let Some(next) = self.waiting.pop() else { break };
            match next.part {
                Part::Block(block) => {
                    ids.push(next.conversation);
                    blocks.push(block);
                }
                Part::Tail(tail) => tails.push((tail, next.newest)),
            }
        }
        read::blocks(connection, &ids, &blocks)?.iter().for_each(|block| self.look_through(block));
        self.take_up_tails(connection, &tails)
    }

    /// Reads the ends of the tails. What lies before an end waits on: it is no newer than the oldest message there.
    fn take_up_tails(
        &mut self,
        connection: &mut PgConnection,
        tails: &[(Span, DateTime<Utc>)],
    ) -> Result<(), DbError> {
        let end = |tail: &Span| Span { after: tail.after.max(tail.up_to - TAIL_AT_ONCE), ..*tail };
        let ends: Vec<Span> = tails.iter().map(|(tail, _)| end(tail)).collect();
        let mut oldest: HashMap<Uuid, DateTime<Utc>> = HashMap::new();
        for (conversation, seq, content, at) in read::texts(connection, &ends)? {
            oldest.entry(conversation).or_insert(at);
            let content = content.map(MessageContent::from_stored);
            if content.is_some_and(|content| self.request.term.is_in(&content)) {
                self.candidates.push((at, conversation, seq));
            }
        }
        for ((tail, newest), end) in tails.iter().zip(ends).filter(|((tail, _), end)| end.after > tail.after)
        {
            let conversation = tail.conversation;
            let newest = oldest.get(&conversation).copied().unwrap_or(*newest);
            let part = Part::Tail(Span { up_to: end.after, ..*tail });
            self.waiting.push(Waiting { newest, conversation, part });
        }
        Ok(())
    }

    /// Adds what nothing can come before any more, if the member sees it.
    fn see(&mut self, connection: &mut PgConnection) -> Result<(), DbError> {
        loop {
            let next = self.settled();
            if next.is_empty() {
                return Ok(());
            }
            for (message, content) in read::present(connection, self.member, &next)? {
                if self.request.term.is_in(&content) {
                    self.found.push(Message { content: Some(content), ..message });
                }
            }
        }
    }

    /// The newest candidates that are newer than all that waits, no more than are missing.
    fn settled(&mut self) -> Vec<Doubt> {
        let behind = self.request.page.after.map(key);
        let mut settled = Vec::new();
        while settled.len() < self.missing() {
            // What waits may hold messages of the same moment, which may come first.
            let newest = self.waiting.peek().map(|waiting| waiting.newest);
            let is_settled = |top: &Key| newest.is_none_or(|newest| top.0 > newest);
            if !self.candidates.peek().is_some_and(is_settled) {
                break;
            }
            let next = self.candidates.pop().filter(|next| behind.is_none_or(|behind| *next < behind));
            settled.extend(next.and_then(|(_, conversation, seq)| self.doubt(conversation, seq)));
        }
        settled
    }

    /// Whether the member may have deleted the message; none where it is out of sight anyway.
    fn doubt(&self, conversation: Uuid, seq: i64) -> Option<Doubt> {
        let limits = self.limits.get(&conversation).filter(|limits| seq > limits.floor)?;
        Some((conversation, seq, seq <= limits.deleted))
    }
}
