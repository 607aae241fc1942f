//! Supervisor of a transport: its thread, which connects again after each loss, and what is known about its connection.

use std::fmt::Display;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use domain::number::saturating;

use super::exchange::Exchange;
use crate::metrics::{Collectors, Sampled};
use crate::runtime::worker::{StopSignal, Worker, WorkerHandle};

/// Pause before another connection is made.
const RETRY: Duration = Duration::from_secs(1);

/// The thread that exchanges signals; it stops when this is dropped.
pub struct SignalLink {
    worker: Worker,
    running: WorkerHandle,
    transport: &'static str,
    is_connected: Arc<AtomicBool>,
}

impl SignalLink {
    /// Starts the thread. `serve` connects, and exchanges signals until the connection is lost.
    pub(super) fn start<E: Display>(
        worker: Worker,
        transport: &'static str,
        exchange: Exchange,
        serve: impl Fn(&LinkState, &StopSignal) -> Result<(), E> + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let is_connected = Arc::<AtomicBool>::default();
        let (shown, is_failing) = (Arc::clone(&is_connected), AtomicBool::new(false));
        let state = LinkState { exchange, is_connected, is_failing };
        let running = worker.repeat(RETRY, move |stop| {
            let ended = serve(&state, stop);
            state.down(ended.err().filter(|_| !stop.is_stopped()));
        })?;
        Ok(Self { worker, running, transport, is_connected: shown })
    }

    /// Stops the thread.
    pub fn finish(self) {
        self.running.stop();
    }

    /// Metrics of the thread and of its connection.
    ///
    /// # Errors
    /// When a metric's name is invalid.
    pub fn collectors(&self) -> io::Result<Collectors> {
        let is_connected = Arc::clone(&self.is_connected);
        let help = "Whether signals are exchanged with other instances.";
        let read = move || saturating(u8::from(is_connected.load(Ordering::Relaxed)));
        let mut collectors = self.worker.collectors()?;
        let label = Some(("transport", self.transport));
        collectors.push(Box::new(Sampled::new("hongyan_signals_connected", help, label, read)?));
        Ok(collectors)
    }
}

/// What a transport serves.
pub(super) struct LinkState {
    pub(super) exchange: Exchange,
    is_connected: Arc<AtomicBool>,
    /// Whether the last connection was lost: of consecutive losses only the first is logged.
    is_failing: AtomicBool,
}

impl LinkState {
    /// The connection works.
    pub(super) fn up(&self) {
        if !self.is_connected.swap(true, Ordering::Relaxed) {
            self.is_failing.store(false, Ordering::Relaxed);
            tracing::debug!("signals are exchanged");
        }
    }

    /// There is no connection.
    pub(super) fn down(&self, error: Option<impl Display>) {
        self.is_connected.store(false, Ordering::Relaxed);
        self.exchange.close();
        if let Some(error) = error
            && !self.is_failing.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(%error, "cannot exchange signals; changes of other instances arrive with the poll");
        }
    }
}
