//! How an instance goes without anybody noticing.

use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;

use crate::entrance::Entrance;
use crate::readiness::Readiness;

/// What is needed to stop serving in order.
pub(crate) struct Departure {
    pub(crate) server: ServerHandle,
    pub(crate) entrance: Entrance,
    pub(crate) readiness: Arc<Readiness>,
    /// How long everything goes on once `/readyz` has said that it will not.
    pub(crate) drain: Duration,
}

impl Departure {
    /// How long the connections that there are outlive the entrance. Whoever sends on one is told to use another for what
    /// comes next; a proxy learns from its first new connection that there is none to be had here, and leaves the others alone.
    const LEAVE: Duration = Duration::from_secs(1);

    /// Stops serving step by step: says so at `/readyz`; lets nobody else in; closes each connection behind its next answer;
    /// closes those that are still idle, and finishes what was accepted.
    ///
    /// The order matters to a proxy that asks nobody's health. As long as its connections are kept it makes few new ones, so
    /// that few wait outside while the entrance is being closed. And only once the entrance is closed it stops
    /// choosing this instance, so that it has nothing under way on an idle connection when that is closed.
    pub(crate) async fn depart(self) {
        self.readiness.stop();
        tokio::time::sleep(self.drain).await;
        self.entrance.close(&self.server).await;
        self.readiness.take_leave();
        tokio::time::sleep(Self::LEAVE.min(self.drain)).await;
        self.server.stop(true).await;
    }
}
