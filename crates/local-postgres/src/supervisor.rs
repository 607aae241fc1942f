//! Supervision: a thread that restarts the postmaster when it dies.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::cluster::Cluster;
use crate::log_rotation::LogLimits;

/// A cluster with a thread that restarts its postmaster when it dies.
#[derive(Debug)]
pub struct Supervisor {
    cluster: Arc<Cluster>,
    stop: Sender<()>,
    thread: Option<JoinHandle<()>>,
}

/// Interval between two checks of the postmaster.
const CHECK_INTERVAL: Duration = Duration::from_millis(250);
/// Pause after a failed restart.
const RESTART_BACKOFF: Duration = Duration::from_secs(10);

impl Supervisor {
    /// Starts the thread. If the system cannot start one, the cluster runs without supervision.
    #[must_use]
    pub fn start(cluster: Cluster) -> Self {
        let cluster = Arc::new(cluster);
        let (stop, stopped) = channel();
        let watched = Arc::clone(&cluster);
        let thread = std::thread::Builder::new()
            .name("pg-supervisor".to_owned())
            .spawn(move || watch(&watched, &stopped));
        if let Err(error) = &thread {
            tracing::error!(%error, "supervision thread not started: PostgreSQL will not be restarted when it dies");
        }
        Self { cluster, stop, thread: thread.ok() }
    }

    /// The supervised cluster.
    #[must_use]
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Ends the supervision and stops the cluster.
    pub fn stop(mut self) {
        self.end_supervision();
        if let Err(error) = self.cluster.stop() {
            tracing::error!(%error, "PostgreSQL cannot be stopped");
        }
    }

    fn end_supervision(&mut self) {
        // Sending fails only when the thread has already ended.
        let _ = self.stop.send(());
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("supervision thread of PostgreSQL panicked");
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.end_supervision();
    }
}

/// Interval between two looks at the size of PostgreSQL's log.
const LOG_CHECK_INTERVAL: Duration = Duration::from_secs(10);

fn rotate_log(cluster: &Cluster) {
    if let Err(error) = cluster.rotate_log(LogLimits::DEFAULT) {
        tracing::warn!(%error, "log of PostgreSQL not rotated");
    }
}

fn watch(cluster: &Cluster, stopped: &Receiver<()>) {
    let mut pause = CHECK_INTERVAL;
    rotate_log(cluster);
    let mut log_checked = Instant::now();
    while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
        pause = CHECK_INTERVAL;
        if log_checked.elapsed() >= LOG_CHECK_INTERVAL {
            rotate_log(cluster);
            log_checked = Instant::now();
        }
        if cluster.is_running() {
            continue;
        }
        tracing::warn!("PostgreSQL died; restarting it");
        if let Err(error) = cluster.restart() {
            tracing::error!(%error, "PostgreSQL cannot be restarted");
            pause = RESTART_BACKOFF;
        }
    }
}
