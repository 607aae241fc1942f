//! Group commit: what waits is stored together, so that many messages share one wait for the disk.
//!
//! Each draft waits in a bounded queue. A writer takes whatever is there (at most [`LARGEST_BATCH`]), stores it in one
//! transaction and answers each sender after the COMMIT. There is no timer: a lone message waits for nothing, and under
//! load the batches grow by themselves while the writer waits for the disk. A conversation always goes to the same writer
//! of an instance, so that two writers do not wait for each other.
//!
//! What may go wrong, and what becomes of it:
//!
//! | what | what becomes of it |
//! |---|---|
//! | the queue is full | the sender is told at once to come again |
//! | a sender has gone away before its turn | its draft is skipped |
//! | a draft has waited for too long, behind a writer that stood still | its sender is told to come again |
//! | somebody else holds a conversation | its drafts are left to the database's threads, which wait; the others go on |
//! | an error before COMMIT | nothing was stored; the drafts are tried one by one, so that a poisoned one harms nobody |
//! | the connection is lost before COMMIT | nothing was stored; the batch is tried again on another one |
//! | the answer to COMMIT is lost | the database is asked what became of it ([`super::commit_outcome`]) |
//! | a panic | as an error before COMMIT |
//! | the server stops | what was accepted is stored before the writers end |

use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use domain::error::PortError;
use domain::message::{Draft, SendOutcome};
use tokio::sync::oneshot;

use super::append::Locking;
use super::counters::SendCounters;
use super::commit_outcome::{Failure, store};
use crate::db::{Connections, Db};
use crate::metrics::{Collectors, Sampled};

/// The most drafts that share a transaction. Beyond it a batch only makes its first senders wait longer.
const LARGEST_BATCH: usize = 128;
/// How often a batch is tried whose transaction the database rolled back, or whose connection was lost.
const TRIES: u32 = 3;

/// How sends are queued.
#[derive(Debug, Clone, Copy)]
pub struct SendQueueSettings {
    /// Threads that store batches, each with a connection of its own while it does.
    pub writers: usize,
    /// Drafts that may wait for each of them.
    pub queue: usize,
    /// How long a draft may wait for its turn.
    pub patience: Duration,
}

type Reply = oneshot::Sender<Result<SendOutcome, PortError>>;
type Answer = oneshot::Receiver<Result<SendOutcome, PortError>>;

/// A draft that waits for its turn.
struct Waiting {
    draft: Draft,
    reply: Reply,
    since: Instant,
}

/// The queues in front of the writers.
pub(super) struct SendQueue {
    queues: Vec<Sender<Waiting>>,
    /// Their other ends, to look how many wait. They keep no writer alive.
    waiting: Vec<Receiver<Waiting>>,
    counters: Arc<SendCounters>,
}

impl SendQueue {
    /// Starts the writers. They end when this value is dropped and their queues are empty.
    pub(super) fn start(db: &Arc<Db>, settings: SendQueueSettings) -> std::io::Result<Self> {
        let counters = Arc::new(SendCounters::new()?);
        let (mut queues, mut others) = (Vec::new(), Vec::new());
        for number in 0..settings.writers.max(1) {
            let (sender, queue) = bounded(settings.queue);
            others.push(queue.clone());
            let writer = Writer {
                queue,
                db: Arc::clone(db),
                connections: db.connections(),
                counters: Arc::clone(&counters),
                patience: settings.patience,
            };
            std::thread::Builder::new().name(format!("send-{number}")).spawn(move || writer.run())?;
            queues.push(sender);
        }
        Ok(Self { queues, waiting: others, counters })
    }

    pub(super) fn counters(&self) -> Arc<SendCounters> {
        Arc::clone(&self.counters)
    }

    /// How many drafts wait, how long they have waited, and how many were stored together.
    pub(super) fn collectors(&self) -> std::io::Result<Collectors> {
        let waiting = self.waiting.clone();
        let help = "How many jobs wait for a thread.";
        let depth = Sampled::new("hongyan_queue_depth", help, Some(("queue", "send")), move || {
            waiting.iter().map(Receiver::len).sum()
        })?;
        let mut collectors = self.counters.collectors();
        collectors.push(Box::new(depth));
        Ok(collectors)
    }

    /// Queues a draft; the answer comes when it is stored or refused.
    pub(super) fn submit(&self, draft: Draft) -> Result<Answer, PortError> {
        let full = || PortError::unavailable(Db::RETRY_AFTER, "the send queue is full");
        let mut hasher = DefaultHasher::new();
        draft.pair.hash(&mut hasher);
        let writers = u64::try_from(self.queues.len()).unwrap_or(1).max(1);
        let number = usize::try_from(hasher.finish() % writers).unwrap_or_default();
        let (reply, answer) = oneshot::channel();
        let waiting = Waiting { draft, reply, since: Instant::now() };
        self.queues.get(number).ok_or_else(full)?.try_send(waiting).map_err(|_| full())?;
        self.counters.accept();
        Ok(answer)
    }
}

/// A thread that stores batches.
struct Writer {
    queue: Receiver<Waiting>,
    db: Arc<Db>,
    connections: Connections,
    counters: Arc<SendCounters>,
    patience: Duration,
}

impl Writer {
    fn run(&self) {
        for first in &self.queue {
            let others = self.queue.try_iter().take(LARGEST_BATCH - 1);
            let batch: Vec<Waiting> =
                std::iter::once(first).chain(others).filter_map(|waiting| self.in_time(waiting)).collect();
            if !batch.is_empty() {
                self.counters.note(batch.iter().map(|waiting| waiting.since));
                // The work on the database catches its own panics; this keeps the writer alive whatever else happens.
                if catch_unwind(AssertUnwindSafe(|| self.serve(batch))).is_err() {
                    tracing::error!("a batch of messages panicked; the writer goes on");
                }
            }
        }
    }

    /// A draft whose sender is still there and has not waited for too long; else he is told to come again.
    fn in_time(&self, waiting: Waiting) -> Option<Waiting> {
        if waiting.since.elapsed() <= self.patience {
            return Some(waiting).filter(|waiting| !waiting.reply.is_closed());
        }
        let why = "the writers of messages did not get to it in time";
        let _ = waiting.reply.send(Err(PortError::unavailable(Db::RETRY_AFTER, why)));
        None
    }

    fn serve(&self, batch: Vec<Waiting>) {
        let (drafts, replies): (Vec<Draft>, Vec<Reply>) =
            batch.into_iter().map(|waiting| (waiting.draft, waiting.reply)).unzip();
        match store_patiently(&self.connections, &drafts, Locking::Skip) {
            Ok(outcomes) => {
                for ((draft, reply), outcome) in drafts.into_iter().zip(replies).zip(outcomes) {
                    self.answer(draft, reply, outcome);
                }
            }
            Err(Failure::Poisoned(error)) if drafts.len() > 1 => {
                tracing::warn!(%error, drafts = drafts.len(), "a batch failed; storing its messages one by one");
                for (draft, reply) in drafts.into_iter().zip(replies) {
                    self.serve_alone(draft, reply);
                }
            }
            Err(failure) => {
                let error = failure.into_error();
                for reply in replies {
                    // Each sender gets an error of its own; one that has gone away wants none.
                    let _ = reply.send(Err(error.again()));
                }
            }
        }
    }

    fn serve_alone(&self, draft: Draft, reply: Reply) {
        match store_patiently(&self.connections, std::slice::from_ref(&draft), Locking::Skip) {
            Ok(outcomes) => self.answer(draft, reply, outcomes.into_iter().next().flatten()),
            Err(failure) => drop(reply.send(Err(failure.into_error()))),
        }
    }

    /// Answers a draft that was decided; one whose conversation somebody else holds is left to the database's threads.
    fn answer(&self, draft: Draft, reply: Reply, outcome: Option<SendOutcome>) {
        if let Some(outcome) = outcome {
            // A sender that has gone away will send again, and finds its message under its key.
            return drop(reply.send(Ok(outcome)));
        }
        self.counters.leave_to_others();
        let connections = self.connections.clone();
        // When their queue is full, the reply is dropped with the job; the sender is told to come again.
        self.db.post(move || {
            let stored = store_patiently(&connections, std::slice::from_ref(&draft), Locking::Wait);
            let outcome = stored.map_err(Failure::into_error).and_then(|outcomes| {
                let outcome = outcomes.into_iter().next().flatten();
                outcome.ok_or_else(|| PortError::internal("a draft that was waited for is undecided"))
            });
            drop(reply.send(outcome));
        });
    }
}

/// Stores, and tries again what the database rolled back or what lost its connection before COMMIT.
fn store_patiently(
    connections: &Connections,
    drafts: &[Draft],
    locking: Locking,
) -> Result<Vec<Option<SendOutcome>>, Failure> {
    let mut tried = 1;
    loop {
        match store(connections, drafts, locking) {
            Err(Failure::TryAgain(_)) if tried < TRIES => tried += 1,
            finished => return finished,
        }
    }
}
