use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::Cluster;

/// Keeps a cluster running: a thread looks after the postmaster and starts it again when it has died.
#[derive(Debug)]
pub struct Supervisor {
    cluster: Arc<Cluster>,
    stop: Sender<()>,
    thread: Option<JoinHandle<()>>,
}

/// How often the postmaster is looked after.
const INTERVAL: Duration = Duration::from_millis(250);
/// How long to wait at the most between two starts that fail.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

impl Supervisor {
    pub(crate) fn over(cluster: Cluster) -> Self {
        let cluster = Arc::new(cluster);
        let (stop, stopped) = channel();
        let watched = Arc::clone(&cluster);
        let thread = std::thread::Builder::new()
            .name("postgres-watch".to_owned())
            .spawn(move || watch(&watched, &stopped));
        if let Err(error) = &thread {
            tracing::error!(%error, "nobody will restart PostgreSQL when it dies");
        }
        Self { cluster, stop, thread: thread.ok() }
    }

    /// The cluster that is looked after.
    #[must_use]
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Stops looking after the cluster, and stops it.
    pub fn stop(mut self) {
        self.halt();
        if let Err(error) = self.cluster.stop() {
            tracing::error!(%error, "PostgreSQL could not be stopped");
        }
    }

    fn halt(&mut self) {
        // A thread that is gone needs no telling.
        let _ = self.stop.send(());
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("the thread that looked after PostgreSQL panicked");
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.halt();
    }
}

fn watch(cluster: &Cluster, stopped: &Receiver<()>) {
    let mut pause = INTERVAL;
    while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
        pause = INTERVAL;
        if cluster.is_running() {
            continue;
        }
        tracing::warn!("PostgreSQL has died; starting it again");
        if let Err(error) = cluster.restart() {
            tracing::error!(%error, "PostgreSQL cannot be started again");
            pause = LONGEST_PAUSE;
        }
    }
}
