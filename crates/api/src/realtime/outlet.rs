//! Backpressure: writes to a socket, which end when the client does not read.
//!
//! A write waits while 32 messages wait for the client. That is the back-pressure: what reads the changes waits, too.

use std::sync::Arc;
use std::time::Duration;

use actix_web::rt::time::timeout;
use actix_ws::{Closed, Session};

use super::farewell::Farewell;
use super::hub::SocketHub;
use super::server_frame::ServerFrame;

/// How long a write may wait for the client.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the close frame may wait.
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);

/// Writes to one client.
pub(super) struct Outlet {
    session: Session,
    hub: Arc<SocketHub>,
}

impl Outlet {
    pub(super) const fn new(session: Session, hub: Arc<SocketHub>) -> Self {
        Self { session, hub }
    }

    pub(super) fn hub(&self) -> &SocketHub {
        &self.hub
    }

    pub(super) async fn send(&mut self, frame: &ServerFrame<'_>) -> Result<(), Farewell> {
        let text = frame.text();
        self.hub.count_sent();
        written(timeout(PATIENCE, self.session.text(text)).await)
    }

    pub(super) async fn ping(&mut self) -> Result<(), Farewell> {
        written(timeout(PATIENCE, self.session.ping(b"")).await)
    }

    pub(super) async fn pong(&mut self, payload: &[u8]) -> Result<(), Farewell> {
        written(timeout(PATIENCE, self.session.pong(payload)).await)
    }

    /// Says why, where a client is to wait, and closes.
    pub(super) async fn close(mut self, farewell: Farewell, retry: Duration) {
        if let Some(why) = farewell.why() {
            let retry_ms = u64::try_from(retry.as_millis()).unwrap_or(u64::MAX);
            let goodbye = ServerFrame::Goodbye { retry_ms, why }.text();
            let _ = timeout(CLOSE_PATIENCE, self.session.text(goodbye)).await;
        }
        let _ = timeout(CLOSE_PATIENCE, self.session.close(Some(farewell.close_reason()))).await;
    }
}

fn written<E>(outcome: Result<Result<(), Closed>, E>) -> Result<(), Farewell> {
    match outcome.map_err(|_| Farewell::TooSlow)? {
        Ok(()) => Ok(()),
        Err(Closed) => Err(Farewell::Left),
    }
}
