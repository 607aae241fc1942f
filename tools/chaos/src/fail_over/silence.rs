//! The longest time without an acknowledged message.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::simulation::Simulation;

/// A thread that watches the number of acknowledged messages.
pub(super) struct SilenceMeter {
    over: Arc<AtomicBool>,
    thread: JoinHandle<Duration>,
}

impl SilenceMeter {
    const INTERVAL: Duration = Duration::from_millis(2);

    pub(super) fn start(simulation: &Arc<Simulation>) -> anyhow::Result<Self> {
        let over = Arc::new(AtomicBool::new(false));
        let (watched, ended) = (Arc::clone(simulation), Arc::clone(&over));
        let thread = std::thread::Builder::new().name("silence".to_owned());
        Ok(Self { over, thread: thread.spawn(move || measure(&watched, &ended))? })
    }

    /// Ends the watch and returns the longest silence.
    pub(super) fn finish(self) -> anyhow::Result<Duration> {
        self.over.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow::anyhow!("the meter of silence panicked"))
    }
}

fn measure(simulation: &Simulation, over: &AtomicBool) -> Duration {
    let mut longest = Duration::ZERO;
    let (mut heard, mut known) = (Instant::now(), simulation.acknowledged.load(Ordering::Relaxed));
    while !over.load(Ordering::Relaxed) {
        std::thread::sleep(SilenceMeter::INTERVAL);
        let acknowledged = simulation.acknowledged.load(Ordering::Relaxed);
        longest = longest.max(heard.elapsed());
        if acknowledged != known {
            (heard, known) = (Instant::now(), acknowledged);
        }
    }
    longest
}
