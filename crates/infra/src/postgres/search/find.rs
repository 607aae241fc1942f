//! Executes a search: a best-first merge of all parts that may contain the term, newest first.
//!
//! Problem: the results must be in the order of time across all conversations of the member, while reading as little as
//! possible. The index reports which blocks contain the term and an upper bound of their times; messages that are not in a block
//! yet form the tail of their conversation. A heap holds all these parts by their time. The search reads the newest parts,
//! collects candidates, and confirms a candidate once no unread part can contain a newer one. Confirmed candidates are
//! rechecked in `messages`, as the member sees them.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use domain::id::{ConversationId, UserId};
use domain::message::{Message, MessageId, Seq};
use domain::number::saturating;
use domain::search::{SearchCursor, SearchPage, SearchRequest};
use uuid::Uuid;

use super::block::{before, encode_term, matching_positions};
use super::read::{self, BlockRow, Candidate, SeqRange};
use super::sources::{Part, Source, Visibility, sources};
use crate::db::{DbError, statement};
use crate::postgres::pairs::message::state_from_row;

/// Parts that are read at once.
const PARTS_PER_READ: usize = 512;
/// Messages of one tail that are read at once.
const TAIL_MESSAGES_PER_READ: i64 = 64;
/// Hidden candidates after which a search ends its page early: a client that wants more continues from there.
const MAX_HIDDEN: usize = 20_000;
/// Longest duration of one search.
const TIME_LIMIT: Duration = Duration::from_secs(3);

statement! {
    // Limits what a search costs others even if its plan is bad.
    SetStatementTimeout<'a> { milliseconds: &'a str } -> (Text);
    "SELECT set_config('statement_timeout', " [milliseconds: Text] ", true)"
}

/// Sort key of the results: time, conversation, seq.
type SortKey = (DateTime<Utc>, Uuid, i64);

fn sort_key(cursor: SearchCursor) -> SortKey {
    (cursor.created_at, cursor.message.conversation.as_uuid(), cursor.message.seq.get())
}

fn cursor((created_at, conversation, seq): SortKey) -> SearchCursor {
    let message = MessageId { conversation: ConversationId::from_uuid(conversation), seq: Seq::new(seq) };
    SearchCursor { created_at, message }
}

/// A part that is not read yet, ordered by the upper bound of its times.
struct UnreadPart {
    newest: DateTime<Utc>,
    conversation: Uuid,
    part: Part,
}

impl Ord for UnreadPart {
    fn cmp(&self, other: &Self) -> Ordering {
        self.newest.cmp(&other.newest)
    }
}

impl PartialOrd for UnreadPart {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for UnreadPart {
    fn eq(&self, other: &Self) -> bool {
        self.newest == other.newest
    }
}

impl Eq for UnreadPart {}

/// The state of a search.
struct Search<'a> {
    member: UserId,
    request: &'a SearchRequest,
    /// The term as it occurs in blocks.
    encoded: String,
    visibility: HashMap<Uuid, Visibility>,
    /// The newest on top.
    unread: BinaryHeap<UnreadPart>,
    /// Messages whose indexed text contains the term, the newest on top.
    candidates: BinaryHeap<SortKey>,
    found: Vec<Message>,
    /// Candidates that the member does not see, or that do not contain the term after all.
    hidden: usize,
    /// The oldest confirmed candidate: everything newer is in `found` or is no result.
    passed: Option<SortKey>,
}

/// Executes a search; `None` when the requested conversation is not the member's. It must run in a `REPEATABLE READ`
/// transaction, so that all its statements see one snapshot.
pub(super) fn find(
    connection: &mut PgConnection,
    member: UserId,
    request: &SearchRequest,
) -> Result<Option<SearchPage>, DbError> {
    let started = Instant::now();
    let milliseconds = TIME_LIMIT.as_millis().to_string();
    let _: (String,) = SetStatementTimeout { milliseconds: &milliseconds }.get_result(connection)?;
    let encoded = encode_term(&request.term);
    let sources = sources(connection, member, request, &encoded)?;
    if sources.is_empty() && request.conversation.is_some() {
        return Ok(None);
    }
    let visibility = sources.iter().map(|source| (source.conversation, source.visibility)).collect();
    let (unread, candidates, found) = (BinaryHeap::new(), BinaryHeap::new(), Vec::new());
    let mut search =
        Search { member, request, encoded, visibility, unread, candidates, found, hidden: 0, passed: None };
    for source in sources {
        search.add_source(source);
    }
    while search.missing() > 0 && search.has_more() && !search.is_over_budget() {
        if started.elapsed() > TIME_LIMIT {
            return Err(DbError::Overdue("a search took too long"));
        }
        search.fetch_candidates(connection)?;
        search.recheck(connection)?;
    }
    Ok(Some(search.into_page()))
}

impl Search<'_> {
    /// How many messages are still wanted: the page and one more, which shows whether another page follows.
    fn missing(&self) -> usize {
        let wanted = saturating::<usize, _>(self.request.page.limit.get()).saturating_add(1);
        wanted.saturating_sub(self.found.len())
    }

    fn has_more(&self) -> bool {
        !self.unread.is_empty() || !self.candidates.is_empty()
    }

    const fn is_over_budget(&self) -> bool {
        self.hidden >= MAX_HIDDEN
    }

    fn into_page(self) -> SearchPage {
        let ended_early = self.is_over_budget() && self.missing() > 0 && self.has_more();
        let next = self.passed.filter(|_| ended_early).map(cursor);
        let page = SearchPage::from_lookahead(self.found, self.request.page.limit, SearchCursor::of);
        SearchPage { next: page.next.or(next), ..page }
    }

    fn add_source(&mut self, source: Source) {
        let Source { conversation, parts, newest, .. } = source;
        let parts = parts.into_iter().map(|(newest, part)| UnreadPart { newest, conversation, part });
        self.unread.extend(parts);
        if let Some(block) = newest {
            self.add_matches(&block);
        }
    }

    /// Adds the matching messages of a block to the candidates.
    fn add_matches(&mut self, block: &BlockRow) {
        for position in matching_positions(&block.folded, &self.encoded) {
            let seq = before(block.number) + 1 + saturating::<i64, _>(position);
            if let Some(at) = block.times.get(position) {
                self.candidates.push((*at, block.conversation, seq));
            }
        }
    }

    /// Reads the parts with the newest times.
    fn fetch_candidates(&mut self, connection: &mut PgConnection) -> Result<(), DbError> {
        let (mut ids, mut blocks, mut tails) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..PARTS_PER_READ {
            let Some(next) = self.unread.pop() else { break };
            match next.part {
                Part::Block(block) => {
                    ids.push(next.conversation);
                    blocks.push(block);
                }
                Part::Tail(tail) => tails.push((tail, next.newest)),
            }
        }
        read::blocks(connection, &ids, &blocks)?.iter().for_each(|block| self.add_matches(block));
        self.fetch_tails(connection, &tails)
    }

    /// Reads the newest messages of each tail. The rest of a tail becomes unread again, bounded by the oldest message read.
    fn fetch_tails(
        &mut self,
        connection: &mut PgConnection,
        tails: &[(SeqRange, DateTime<Utc>)],
    ) -> Result<(), DbError> {
        let newest_of = |tail: &SeqRange| SeqRange {
            after: tail.after.max(tail.up_to - TAIL_MESSAGES_PER_READ),
            ..*tail
        };
        let ranges: Vec<SeqRange> = tails.iter().map(|(tail, _)| newest_of(tail)).collect();
        let mut oldest: HashMap<Uuid, DateTime<Utc>> = HashMap::new();
        for row in read::texts(connection, &ranges)? {
            oldest.entry(row.conversation).or_insert(row.created_at);
            if state_from_row(row.content).text().is_some_and(|text| self.request.term.is_in(text)) {
                self.candidates.push((row.created_at, row.conversation, row.seq));
            }
        }
        let unfinished = tails.iter().zip(ranges).filter(|((tail, _), read)| read.after > tail.after);
        for ((tail, newest), read) in unfinished {
            let conversation = tail.conversation;
            let newest = oldest.get(&conversation).copied().unwrap_or(*newest);
            let part = Part::Tail(SeqRange { up_to: read.after, ..*tail });
            self.unread.push(UnreadPart { newest, conversation, part });
        }
        Ok(())
    }

    /// Reads the confirmed candidates from `messages` and keeps those that the member sees and that contain the term.
    fn recheck(&mut self, connection: &mut PgConnection) -> Result<(), DbError> {
        loop {
            let next = self.confirmed();
            if next.is_empty() {
                return Ok(());
            }
            let (candidates, found_before) = (next.len(), self.found.len());
            for message in read::visible(connection, self.member, &next)? {
                if message.state.text().is_some_and(|text| self.request.term.is_in(text)) {
                    self.found.push(message);
                }
            }
            self.hidden += candidates.saturating_sub(self.found.len() - found_before);
            if self.is_over_budget() {
                return Ok(());
            }
        }
    }

    /// Takes the candidates that are newer than every unread part, at most as many as are missing.
    fn confirmed(&mut self) -> Vec<Candidate> {
        let cursor = self.request.page.after.map(sort_key);
        let mut confirmed = Vec::new();
        while confirmed.len() < self.missing() {
            // An unread part may contain messages of the same instant that sort first.
            let newest_unread = self.unread.peek().map(|part| part.newest);
            let is_confirmed = |top: &SortKey| newest_unread.is_none_or(|newest| top.0 > newest);
            if !self.candidates.peek().is_some_and(is_confirmed) {
                break;
            }
            let next = self.candidates.pop();
            self.passed = next.or(self.passed);
            let next = next.filter(|next| cursor.is_none_or(|cursor| *next < cursor));
            confirmed.extend(next.and_then(|(_, conversation, seq)| self.candidate(conversation, seq)));
        }
        confirmed
    }

    /// The candidate for a message; `None` if the member has cleared it.
    fn candidate(&self, conversation: Uuid, seq: i64) -> Option<Candidate> {
        let visibility = self.visibility.get(&conversation).filter(|member| seq > member.cleared_seq)?;
        Some(Candidate { conversation, seq, maybe_deleted: seq <= visibility.deleted_seq })
    }
}
