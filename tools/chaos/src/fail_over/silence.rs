//! What the users notice of a disaster: the longest times without an acknowledged message and without an answered read.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::http::{ApiCall, ApiClient, CallResult, Method};
use crate::scenario::Outage;
use crate::simulation::Simulation;
use crate::slow_calls::SlowCall;

/// A thread that watches the number of acknowledged messages, and one that reads: the users wait for their writes.
pub(super) struct SilenceMeter {
    over: Arc<AtomicBool>,
    begun: u64,
    messages: JoinHandle<Duration>,
    reads: JoinHandle<(Duration, Vec<SlowCall>)>,
}

impl SilenceMeter {
    const INTERVAL: Duration = Duration::from_millis(2);
    /// The pause between two reads.
    const READ_PAUSE: Duration = Duration::from_millis(20);

    pub(super) fn start(simulation: &Arc<Simulation>) -> anyhow::Result<Self> {
        let over = Arc::new(AtomicBool::new(false));
        let begun = simulation.clock.now();
        let (watched, ended) = (Arc::clone(simulation), Arc::clone(&over));
        let messages = std::thread::Builder::new().name("silence".to_owned());
        let messages = messages.spawn(move || without_message(&watched, &ended))?;
        let reader = ReadingUser::begin(simulation)?;
        let (watched, ended) = (Arc::clone(simulation), Arc::clone(&over));
        let reads = std::thread::Builder::new().name("reader".to_owned());
        let reads = reads.spawn(move || reader.without_read(&watched, &ended))?;
        Ok(Self { over, begun, messages, reads })
    }

    /// Ends the watch.
    pub(super) fn finish(self) -> anyhow::Result<Outage> {
        self.over.store(true, Ordering::Relaxed);
        let messages = self.messages.join().map_err(|_| anyhow::anyhow!("the meter of silence panicked"))?;
        let (reads, slow_reads) = self.reads.join().map_err(|_| anyhow::anyhow!("the reader panicked"))?;
        Ok(Outage { begun: self.begun, messages, reads, slow_reads })
    }
}

fn without_message(simulation: &Simulation, over: &AtomicBool) -> Duration {
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

/// Reads its list all the time, from both servers in turn.
struct ReadingUser {
    client: ApiClient,
    token: String,
}

impl ReadingUser {
    fn begin(simulation: &Arc<Simulation>) -> anyhow::Result<Self> {
        let token = simulation.accounts.last().context("there are no accounts")?.token.clone();
        let journal = simulation.folder.join("journal-reader");
        let client = ApiClient::new(Arc::clone(&simulation.fleet), simulation.clock, &journal)?;
        Ok(Self { client, token })
    }

    /// The longest time between two answered reads, and the slow ones.
    fn without_read(mut self, simulation: &Simulation, over: &AtomicBool) -> (Duration, Vec<SlowCall>) {
        let (mut longest, mut heard) = (Duration::ZERO, Instant::now());
        let path = "/api/auth/conversations".to_owned();
        let call = ApiCall { method: Method::Get, path, token: &self.token, body: None };
        for server in 0.. {
            let answer = self.client.call(&simulation.fleet.choose(server % 2), &call);
            longest = longest.max(heard.elapsed());
            if matches!(answer, CallResult::Ok(_)) {
                heard = Instant::now();
            }
            if over.load(Ordering::Relaxed) {
                break;
            }
            std::thread::sleep(SilenceMeter::READ_PAUSE);
        }
        (longest, self.client.slow_calls)
    }
}
