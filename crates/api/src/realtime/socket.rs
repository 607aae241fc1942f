//! The life of one socket: authentication, catching up, then changes as they come, until something ends it.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use actix_web::rt::time::{Instant, sleep_until, timeout};
use actix_web::web::Data;
use domain::realtime::{ChangeListener, NextStep, StoredMessage, SyncCursor, SyncFrom, SyncPlace};
use secrecy::ExposeSecret;
use tokio::select;
use tokio::sync::mpsc;

use super::client_frame::ClientFrame;
use super::delivery::{Delivery, spread};
use super::farewell::Farewell;
use super::hub::{HubNote, SocketHub, SocketPlace};
use super::identity::{Identity, identify};
use super::incoming::{Heard, Incoming};
use super::live::{Live, TokenLease};
use super::outlet::Outlet;
use super::server_frame::ServerFrame;
use crate::admission::{Bulkheads, Requester};
use crate::http::language::Language;
use crate::response::sync_cursor::{self, SentCursor};
use crate::rest::typing;
use crate::state::UseCases;

/// How long a client may take to authenticate.
pub(super) const AUTHENTICATE: Duration = Duration::from_secs(10);
/// How long a typing report counts.
const TYPING_SECONDS: u64 = 6;
/// The shortest time after which a client comes back to an instance that stops.
const RETRY: Duration = Duration::from_secs(1);

/// What a socket is made of.
pub(super) struct Socket {
    pub(super) use_cases: Data<UseCases>,
    pub(super) admission: Data<Bulkheads>,
    pub(super) hub: Arc<SocketHub>,
    pub(super) language: Language,
    pub(super) outlet: Outlet,
    pub(super) incoming: Incoming,
    pub(super) place: SocketPlace,
    /// The identity that the handshake's header gave.
    pub(super) identity: Option<Identity>,
}

impl Socket {
    /// Serves the socket to its end.
    pub(super) async fn run(mut self) {
        let admission = self.admission.clone();
        let farewell = select! {
            ended = self.life() => match ended {
                Ok(never) => match never {},
                Err(farewell) => farewell,
            },
            () = admission.waits_end() => Farewell::Restart,
        };
        self.outlet.close(farewell, spread(RETRY * 4)).await;
        self.place.end(farewell);
    }

    async fn life(&mut self) -> Result<Infallible, Farewell> {
        let (heartbeat_seconds, authenticate_seconds) =
            (self.hub.limits().heartbeat.as_secs(), AUTHENTICATE.as_secs());
        self.outlet.send(&ServerFrame::Hello { heartbeat_seconds, authenticate_seconds }).await?;
        let (identity, cursor) = match self.identity {
            Some(identity) => (identity, None),
            None => timeout(AUTHENTICATE, self.authentication()).await.map_err(|_| Farewell::TooLate)??,
        };
        let session_end = self.place.session_end();
        select! {
            ended = self.serve(identity, cursor) => ended,
            () = session_end.notified() => Err(Farewell::SessionEnded),
        }
    }

    /// Serves an account: what it has missed, then changes as they come.
    async fn serve(&mut self, identity: Identity, cursor: Option<SyncFrom>) -> Result<Infallible, Farewell> {
        let mut notes = self.place.join(identity.caller);
        if self.use_cases.sessions.has_ended(identity.caller) {
            return Err(Farewell::SessionEnded);
        }
        // Made before the first read, so that no change falls between the two.
        let mut listener = self.use_cases.sync.follow(identity.caller.user_id);
        self.ready(identity).await?;
        let tells_cursor = cursor.is_some();
        let mut lease = TokenLease::new(identity);
        // A read has a large future, for which an idle socket would keep room.
        let sent = Box::pin(self.catch_up(&mut lease, cursor)).await?;
        self.outlet.send(&ServerFrame::Live).await?;
        let next_tick = Instant::now() + spread(self.hub.limits().heartbeat / 2);
        let mut live = Live { lease, sent, tells_cursor, next_tick };
        loop {
            let due = live.due();
            select! {
                // In this order: changes cannot hold heartbeats up, and a recall that is known here is not overtaken by its text.
                biased;
                () = sleep_until(due) => {
                    if self.on_time(&mut live).await? {
                        self.settle(&mut live, &*listener, &mut notes).await?;
                        self.tick(&live).await?;
                    }
                }
                message = self.incoming.next() => self.hear(message?, &mut live.lease).await?,
                () = listener.changed() => self.news(&mut live).await?,
                note = notes.recv() => self.note(note, &mut live).await?,
            }
        }
    }

    /// Reads what has changed, and tells it.
    async fn news(&mut self, live: &mut Live) -> Result<(), Farewell> {
        self.check(&live.lease)?;
        let left = live.lease.identity().expires_at.saturating_duration_since(Instant::now());
        let mut delivery = self.delivery(live.lease.identity());
        let news = timeout(left, Box::pin(delivery.news(&mut live.sent))).await;
        news.unwrap_or(Err(Farewell::TokenExpired))
    }

    /// Tells a stored message, if the client has all that came before.
    async fn stored(&mut self, message: &StoredMessage, live: &mut Live) -> Result<(), Farewell> {
        match live.sent.next_step(&message.mark) {
            NextStep::Skip => Ok(()),
            NextStep::Read => self.news(live).await,
            NextStep::Send => {
                self.check(&live.lease)?;
                live.sent.sent(&message.mark);
                self.delivery(live.lease.identity()).stored(message).await
            }
        }
    }

    pub(super) fn delivery(&mut self, identity: Identity) -> Delivery<'_> {
        Delivery {
            use_cases: &self.use_cases,
            admission: &self.admission,
            account: identity.caller.user_id,
            language: self.language,
            outlet: &mut self.outlet,
        }
    }

    /// The first frame: the token, and from where to catch up.
    async fn authentication(&mut self) -> Result<(Identity, Option<SyncFrom>), Farewell> {
        loop {
            let text = match self.incoming.next().await? {
                Heard::Text(text) => text,
                Heard::Ping(payload) => {
                    self.outlet.pong(&payload).await?;
                    continue;
                }
                Heard::Pong => continue,
            };
            self.hub.count_received();
            let frame = ClientFrame::parse(&text).map_err(|_| Farewell::Malformed)?;
            let ClientFrame::Authenticate { token, cursor } = frame else {
                return Err(Farewell::Unauthenticated);
            };
            let cursor =
                cursor.map(|text| sync_cursor::decode(&text).ok_or(Farewell::Malformed)).transpose()?;
            let identity = identify(&self.use_cases, token.expose_secret()).await?;
            let from = |known: &SyncCursor| self.use_cases.sync.from(identity.caller.user_id, known);
            let cursor = cursor.map(|sent| match sent {
                SentCursor::Known(known) => from(&known),
                SentCursor::OtherVersion => SyncFrom::Lost,
            });
            return Ok((identity, cursor));
        }
    }

    async fn ready(&mut self, identity: Identity) -> Result<(), Farewell> {
        let (user_id, expires_in) = (identity.caller.user_id.to_string(), identity.life.as_secs());
        self.outlet.send(&ServerFrame::Ready { user_id, expires_in }).await
    }

    pub(super) async fn hear(&mut self, heard: Heard, lease: &mut TokenLease) -> Result<(), Farewell> {
        let text = match heard {
            Heard::Text(text) => text,
            Heard::Ping(payload) => return self.outlet.pong(&payload).await,
            Heard::Pong => return Ok(()),
        };
        self.hub.count_received();
        match ClientFrame::parse(&text).map_err(|_| Farewell::Malformed)? {
            ClientFrame::Authenticate { token, cursor } => {
                if cursor.is_some_and(|cursor| sync_cursor::decode(&cursor).is_none()) {
                    return Err(Farewell::Malformed);
                }
                let identity = identify(&self.use_cases, token.expose_secret()).await?;
                if identity.caller != lease.identity().caller {
                    return Err(Farewell::Unauthenticated);
                }
                *lease = TokenLease::new(identity);
                self.ready(identity).await
            }
            ClientFrame::Typing(None) => Ok(()),
            ClientFrame::Typing(Some(conversation)) => {
                let writer = lease.identity().caller.user_id;
                let arrival = self.admission.request(Requester::Account(writer));
                if let Ok(_permit) = arrival.permit().await {
                    // Every refusal is silent, so that none tells anything.
                    let _ = typing::tell(&self.use_cases, &self.hub, writer, conversation).await;
                }
                Ok(())
            }
            ClientFrame::Ping(id) => self.outlet.send(&ServerFrame::Pong { id }).await,
            ClientFrame::Unknown => self.outlet.send(&ServerFrame::Error { error: "unknown_type" }).await,
        }
    }

    async fn note(&mut self, note: Option<HubNote>, live: &mut Live) -> Result<(), Farewell> {
        match note {
            Some(HubNote::Stored(message)) => self.stored(&message, live).await,
            None | Some(HubNote::Replaced) => Err(Farewell::Replaced),
            Some(HubNote::Typing { conversation, writer }) => {
                let (conversation_id, user_id) = (conversation.to_string(), writer.to_string());
                let frame = ServerFrame::Typing { conversation_id, user_id, seconds: TYPING_SECONDS };
                self.outlet.send(&frame).await
            }
        }
    }

    fn check(&self, lease: &TokenLease) -> Result<(), Farewell> {
        if self.use_cases.sessions.has_ended(lease.identity().caller) {
            return Err(Farewell::SessionEnded);
        }
        if lease.is_over() { Err(Farewell::TokenExpired) } else { Ok(()) }
    }

    /// Ends with the session or the token, and announces the end of the token.
    pub(super) async fn watch(&mut self, lease: &mut TokenLease) -> Result<(), Farewell> {
        self.check(lease)?;
        match lease.announce() {
            Some(left) => self.outlet.send(&ServerFrame::Expiring { seconds: left.as_secs() }).await,
            None => Ok(()),
        }
    }

    /// Moves the point behind the messages that were sent from memory: without a read if nothing else has changed.
    async fn settle(
        &mut self,
        live: &mut Live,
        listener: &dyn ChangeListener,
        notes: &mut mpsc::Receiver<HubNote>,
    ) -> Result<(), Farewell> {
        if !live.sent.is_behind() {
            return Ok(());
        }
        let Some(point) = listener.covered() else { return self.news(live).await };
        // Messages up to that point are among those that wait.
        while let Ok(note) = notes.try_recv() {
            if listener.covered().is_none() {
                return self.news(live).await;
            }
            self.note(Some(note), live).await?;
        }
        if live.sent.advance(point) { Ok(()) } else { self.news(live).await }
    }

    /// What is due by the clock. Whether a tick is.
    async fn on_time(&mut self, live: &mut Live) -> Result<bool, Farewell> {
        self.watch(&mut live.lease).await?;
        let now = Instant::now();
        if live.next_tick > now {
            return Ok(false);
        }
        let heartbeat = self.hub.limits().heartbeat;
        if self.incoming.silence() + heartbeat / 4 > heartbeat * 2 {
            return Err(Farewell::Left);
        }
        live.next_tick = now + heartbeat;
        Ok(true)
    }

    async fn tick(&mut self, live: &Live) -> Result<(), Farewell> {
        let cursor = live.tells_cursor.then(|| {
            let place = SyncPlace::Point(live.sent.point().clone());
            sync_cursor::encode(&self.use_cases.sync.cursor(live.lease.identity().caller.user_id, place))
        });
        self.outlet.send(&ServerFrame::Tick { cursor }).await?;
        self.outlet.ping().await
    }
}
