//! Delivery: reads what has changed for the account of a socket, and tells it in frames.
//!
//! A round begins at the point that the socket has shown and ends at the point of its own snapshot, so that the next one leaves nothing
//! out. What cannot be sent as news of one part of a conversation is sent as its whole entry, which is always right.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::{Duration, Instant};

use actix_web::rt::time::sleep;
use domain::conversation::{ConversationError, WindowAnchor, WindowRequest};
use domain::error::PortError;
use domain::id::{ConversationId, UserId};
use domain::message::{Message, Seq};
use domain::page::PageLimit;
use domain::realtime::{
    ChangedParts, ReadPoint, SentState, StaleList, StoredMessage, SyncFrom, SyncPage, SyncPlace,
    SyncPosition, SyncRequest, SyncedConversation,
};

use super::farewell::Farewell;
use super::observer::SyncSource;
use super::outlet::Outlet;
use super::server_frame::ServerFrame;
use crate::admission::{Bulkheads, Requester};
use crate::http::language::Language;
use crate::rest::messages::MessageItem;
use crate::rest::sync::{ChangeSet, ChangedConversation};
use crate::state::UseCases;

/// More messages of one conversation than this, the default of a window, are not sent; the client fetches them.
const MOST_MESSAGES: i64 = 50;
/// How long a socket waits for a database that does not answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A time between `least` and twice that, so that sockets spread.
pub(super) fn spread(least: Duration) -> Duration {
    let part = RandomState::new().hash_one(0_u8) % 1000;
    least + least * u32::try_from(part).unwrap_or_default() / 1000
}

/// A page of what a client has missed.
pub(super) struct MissedPage {
    /// The point of the first page.
    pub(super) point: ReadPoint,
    /// The newest messages of its conversations.
    pub(super) newest: Vec<(ConversationId, Seq)>,
    /// Where the next page begins; `None` at the end.
    pub(super) next: Option<SyncPosition>,
}

/// Tells one account what has changed.
pub(super) struct Delivery<'a> {
    pub(super) use_cases: &'a UseCases,
    pub(super) admission: &'a Bulkheads,
    pub(super) account: UserId,
    pub(super) language: Language,
    pub(super) outlet: &'a mut Outlet,
}

impl Delivery<'_> {
    /// The point from which a client without a cursor learns what changes.
    pub(super) async fn point(&self) -> Result<ReadPoint, Farewell> {
        Ok(self.page(SyncFrom::Nothing, SyncRequest::POINT_ONLY).await?.point)
    }

    /// Tells a page of what a client has missed. Sends nothing before it is read.
    pub(super) async fn missed(&mut self, from: &SyncFrom) -> Result<MissedPage, Farewell> {
        let page = self.page(from.clone(), SyncRequest::OF_SOCKET).await?;
        let (point, next) = (page.point.clone(), page.next.clone());
        let entries = page.conversations.iter().map(|changed| &changed.entry);
        let newest = entries.map(|entry| (entry.id, entry.last_seq)).collect();
        let (data, _) = ChangeSet::of(page, &self.use_cases.sync, self.account, self.language);
        self.outlet.send(&ServerFrame::Sync { data, more: next.is_some() }).await?;
        Ok(MissedPage { point, newest, next })
    }

    /// Tells all that has changed since the client was sent everything, in frames. Later pages of a round, and all of it while more
    /// transactions are open than a point can name, see more than the point where the round ends: the next round finds that again, and
    /// does not send it.
    pub(super) async fn news(&mut self, sent: &mut SentState) -> Result<(), Farewell> {
        let since = sent.point().clone();
        let mut place = SyncPlace::Point(since.clone());
        let mut read = Vec::new();
        let mut is_first = true;
        loop {
            let page = self.page(SyncFrom::Place(place), SyncRequest::OF_SOCKET).await?;
            if page.reset {
                // The database has lost what the client has seen: it comes back, and begins again.
                return Err(Farewell::Restart);
            }
            let SyncPage { point, conversations, stale, next, .. } = page;
            let ids: Vec<_> = conversations.iter().map(|changed| changed.entry.id).collect();
            let (sync, account) = (&self.use_cases.sync, self.account);
            let parts = self.read(async || sync.parts(account, &since, &ids).await).await?;
            for (changed, parts) in conversations.into_iter().zip(parts) {
                let id = changed.entry.id;
                read.push((id, changed.entry.last_seq));
                self.conversation(changed, parts, sent.newest(id)).await?;
            }
            if is_first && !stale.is_empty() {
                let what = stale.into_iter().map(StaleList::name).collect();
                self.outlet.send(&ServerFrame::Stale { what }).await?;
            }
            let Some(next) = next else {
                sent.read(point, read);
                return Ok(());
            };
            place = SyncPlace::Page(next);
            is_first = false;
        }
    }

    /// Tells a message that was stored a moment ago.
    pub(super) async fn stored(&mut self, message: &StoredMessage) -> Result<(), Farewell> {
        let (conversation, friend) =
            (message.conversation().to_string(), message.peer_of(self.account).to_string());
        self.message(&conversation, &friend, message.seen_by(self.account)).await
    }

    async fn message(&mut self, conversation: &str, friend: &str, message: Message) -> Result<(), Farewell> {
        let (stored, message) = (message.created_at, MessageItem::from(message));
        let frame = ServerFrame::Message { conversation_id: conversation, friend_id: friend, message };
        self.outlet.send(&frame).await?;
        let lag = self.use_cases.sessions.now() - stored;
        self.outlet.hub().count_message(lag.to_std().unwrap_or_default());
        Ok(())
    }

    /// Tells what has changed in a conversation after the message `known`.
    async fn conversation(
        &mut self,
        mut changed: SyncedConversation,
        parts: ChangedParts,
        known: Option<Seq>,
    ) -> Result<(), Farewell> {
        let sent = self.messages(&mut changed, parts, known).await?;
        let (entry, me) = (&changed.entry, self.account.to_string());
        let (id, peer) = (entry.id.to_string(), entry.friend_id.to_string());
        let (conversation_id, unread_count) = (id.as_str(), entry.unread_count);
        let mut is_shown = sent.is_some();
        // Messages beyond `changed`, and a newest one that was recalled before it was sent, are known by the entry only.
        let may_be_new = parts.first_message.is_some() || changed.recalled.contains(&entry.last_seq);
        let is_unknown = may_be_new && sent != Some(entry.last_seq);
        for seq in changed.recalled.iter().map(|seq| seq.get()) {
            self.outlet.send(&ServerFrame::Recall { conversation_id, seq, unread_count }).await?;
            is_shown = true;
        }
        for seq in changed.deleted.iter().map(|seq| seq.get()) {
            self.outlet.send(&ServerFrame::Delete { conversation_id, seq, unread_count }).await?;
        }
        if let Some(read_seq) = entry.peer_read_seq.map(Seq::get).filter(|_| parts.peer_read) {
            let unread_count = None;
            let read = ServerFrame::Read { conversation_id, user_id: &peer, read_seq, unread_count };
            self.outlet.send(&read).await?;
            is_shown = true;
        }
        if parts.own {
            let (read_seq, unread_count) = (entry.read_seq.get(), Some(unread_count));
            let read = ServerFrame::Read { conversation_id, user_id: &me, read_seq, unread_count };
            self.outlet.send(&read).await?;
        }
        if parts.own || parts.relation || is_unknown || !is_shown {
            let conversation = Box::new(ChangedConversation::new(changed, self.language));
            self.outlet.send(&ServerFrame::Conversation { conversation }).await?;
        }
        Ok(())
    }

    /// Sends the messages that the entry is newer for, after those that are `known`. The last one, if there were any; more than a few
    /// are left to the entry.
    async fn messages(
        &mut self,
        changed: &mut SyncedConversation,
        parts: ChangedParts,
        known: Option<Seq>,
    ) -> Result<Option<Seq>, Farewell> {
        let (id, last) = (changed.entry.id, changed.entry.last_seq);
        let Some(first) = parts.first_message.filter(|first| *first <= last) else { return Ok(None) };
        let (conversation, friend) = (id.to_string(), changed.entry.friend_id.to_string());
        let before = known.map_or(0, Seq::get).max(first.get() - 1);
        if before >= last.get() {
            return Ok(known);
        }
        if last.get() - before > MOST_MESSAGES {
            let frame = ServerFrame::Changed { conversation_id: &conversation, last_seq: last.get() };
            self.outlet.send(&frame).await?;
            return Ok(None);
        }
        let request = WindowRequest::from_anchor(WindowAnchor::After(Seq::new(before)));
        let (conversations, account) = (&self.use_cases.conversations, self.account);
        let window = self.read(async || match conversations.open(account, id, &request).await {
            Ok(window) => Ok(Some(window)),
            Err(ConversationError::UnknownConversation) => Ok(None),
            Err(ConversationError::Port(error)) => Err(error),
        });
        let messages = window.await?.map(|window| window.messages).unwrap_or_default();
        let mut sent = known;
        for message in messages.into_iter().filter(|message| message.id.seq <= last) {
            sent = Some(message.id.seq);
            if let Some(preview) = changed.entry.last_message.as_mut().filter(|one| one.id == message.id) {
                // The window was read after the entry: a text that was recalled in between is sent by neither.
                preview.state = message.state.clone();
            }
            self.message(&conversation, &friend, message).await?;
        }
        Ok(sent)
    }

    async fn page(&self, from: SyncFrom, limit: PageLimit) -> Result<SyncPage, Farewell> {
        let (sync, account) = (&self.use_cases.sync, self.account);
        self.outlet.hub().count_sync(SyncSource::Socket);
        self.read(async || sync.read(account, from.clone(), limit).await).await
    }

    /// Reads, as one of the account's requests. What fails is tried again for a while: nothing is lost meanwhile.
    async fn read<T>(&self, work: impl AsyncFn() -> Result<T, PortError>) -> Result<T, Farewell> {
        let begun = Instant::now();
        loop {
            if let Ok(_permit) = self.admission.request(Requester::Account(self.account)).permit().await
                && let Ok(found) = work().await
            {
                return Ok(found);
            }
            if begun.elapsed() > PATIENCE {
                return Err(Farewell::Overloaded);
            }
            sleep(spread(Duration::from_millis(500))).await;
        }
    }
}
