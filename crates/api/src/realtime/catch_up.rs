//! Catching up: tells a client page by page what it has missed, while it is heard and its token is watched.

use std::future::ready;

use actix_web::rt::time::{Instant, timeout};
use domain::realtime::{SentState, SyncFrom, SyncPlace};
use tokio::select;

use super::delivery::{Delivery, MissedPage};
use super::farewell::Farewell;
use super::live::TokenLease;
use super::socket::Socket;

impl Socket {
    /// Tells all that has changed since a cursor, page by page; without one, nothing. Returns what the client has then.
    pub(super) async fn catch_up(
        &mut self,
        lease: &mut TokenLease,
        cursor: Option<SyncFrom>,
    ) -> Result<SentState, Farewell> {
        let Some(mut from) = cursor else {
            return Ok(SentState::at(self.watched(lease, async |delivery| delivery.point().await).await?));
        };
        let mut newest = Vec::new();
        loop {
            // Later pages have seen more than the point of the first one.
            let is_later = matches!(from, SyncFrom::Place(SyncPlace::Page(_)));
            let page = self.watched(lease, async |delivery| delivery.missed(&from).await).await?;
            let MissedPage { point, newest: of_page, next } = page;
            newest.extend(of_page.into_iter().filter(|_| is_later));
            let Some(next) = next else {
                let mut sent = SentState::at(point.clone());
                sent.read(point, newest);
                return Ok(sent);
            };
            from = SyncFrom::Place(SyncPlace::Page(next));
        }
    }

    /// Does a step of the delivery that is safe to begin again. What is due of the token comes first, however long the step takes.
    async fn watched<T>(
        &mut self,
        lease: &mut TokenLease,
        step: impl AsyncFn(&mut Delivery<'_>) -> Result<T, Farewell>,
    ) -> Result<T, Farewell> {
        loop {
            self.hear_all(lease).await?;
            self.watch(lease).await?;
            let left = lease.due().saturating_duration_since(Instant::now());
            let mut delivery = self.delivery(lease.identity());
            if let Ok(done) = timeout(left, step(&mut delivery)).await {
                return done;
            }
        }
    }

    /// Hears what the client has sent meanwhile, which may be a fresh token.
    async fn hear_all(&mut self, lease: &mut TokenLease) -> Result<(), Farewell> {
        loop {
            select! {
                biased;
                heard = self.incoming.next() => self.hear(heard?, lease).await?,
                () = ready(()) => return Ok(()),
            }
        }
    }
}
