//! Graceful shutdown: an instance leaves the load balancer before it closes any connection.

use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use api::Bulkheads;

use crate::listener::Listener;
use crate::observability::readiness::Readiness;

/// The parts of a running server that a graceful shutdown stops in order.
pub(crate) struct GracefulShutdown {
    pub(crate) server: ServerHandle,
    pub(crate) listener: Listener,
    pub(crate) readiness: Arc<Readiness>,
    pub(crate) admission: Arc<Bulkheads>,
    /// How long the server continues as before once `/readyz` returns 503.
    pub(crate) drain: Duration,
}

impl GracefulShutdown {
    /// How long established connections stay open after the listening socket is closed. Each closes with its next response;
    /// a proxy notices the refused connections and stops choosing this instance.
    const CLOSE_DELAY: Duration = Duration::from_secs(1);

    /// Stops serving in four steps:
    ///
    /// 1. `/readyz` returns 503 for the time of `drain`, while everything else continues;
    /// 2. the listening socket is closed, without resetting connections that are being established;
    /// 3. every response closes its connection, and requests that wait for changes are answered;
    /// 4. idle connections are closed, and accepted requests are finished.
    ///
    /// The order matters to a proxy without health checks. It makes few new connections as long as the kept ones work, so few
    /// wait while the socket is being closed (2 before 3). It stops choosing this instance only once a connection is refused,
    /// so no request is under way on an idle connection when that is closed (2 before 4).
    pub(crate) async fn run(self) {
        self.readiness.begin_shutdown();
        tokio::time::sleep(self.drain).await;
        self.listener.close(&self.server).await;
        self.readiness.drain_connections();
        self.admission.end_waits();
        tokio::time::sleep(Self::CLOSE_DELAY.min(self.drain)).await;
        self.server.stop(true).await;
    }
}
