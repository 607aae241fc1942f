//! Group commit: queued messages are stored in one transaction, so that many share one disk flush.
//!
//! Each draft enters a bounded queue. A writer thread drains the queue (at most [`MAX_BATCH`] drafts), stores the batch in
//! one transaction and replies to each caller after the COMMIT. There is no timer: a lone message is stored immediately,
//! and under load batches grow by themselves while the writer waits for the disk. A conversation is always hashed to the
//! same writer of an instance, so that two writers do not block each other.
//!
//! Failures and their handling:
//!
//! | failure | handling |
//! |---|---|
//! | the queue is full | reply `Unavailable` immediately |
//! | the caller is gone before its draft's turn | skip the draft |
//! | a draft waited longer than the limit because its writer was stuck | reply `Unavailable` |
//! | another transaction holds a conversation | defer its drafts to the database threads, which wait for the lock; store the others |
//! | an error before COMMIT | nothing was stored; store the drafts one by one, so that only the faulty one fails |
//! | the connection is lost before COMMIT | nothing was stored; retry the batch on another connection |
//! | the reply to COMMIT is lost or unclear | find out whether it committed ([`super::commit_outcome`]) |
//! | the connection stands still, as at a COMMIT without the only synchronous standby | another writer takes over ([`crate::runtime::watchdog`]); the callers time out; the old writer stores nothing more |
//! | every writer of a queue stands still | reply `Unavailable` immediately |
//! | a panic | as an error before COMMIT |
//! | the server stops | store every accepted draft before the writers end |

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use domain::error::PortError;
use domain::message::{Draft, SendOutcome};
use domain::number::saturating;
use domain::realtime::{MessageMark, StoredMessage};
use tokio::sync::oneshot;

use super::append::{Appended, Locking};
use super::commit_outcome::{StoreError, store};
use super::send_metrics::SendMetrics;
use crate::db::{Connections, Db};
use crate::local_signals::LocalSignals;
use crate::metrics::{self, Collectors};
use crate::runtime::thread_pool::JobClass;
use crate::runtime::watchdog::ThreadSlot;
use crate::runtime::watched_thread::{self, StallLimits};
use crate::runtime::worker::{CommitMonitor, Worker};

/// Maximum number of drafts per transaction. A larger batch saves little and only delays its first callers.
const MAX_BATCH: usize = 128;
/// Maximum number of attempts for a batch that the database rolled back or whose connection was lost.
const MAX_ATTEMPTS: u32 = 3;

/// Settings of the send queue.
#[derive(Debug, Clone, Copy)]
pub struct SendQueueSettings {
    /// Number of writer threads. Each uses one connection while it stores a batch.
    pub writers: usize,
    /// Capacity of each writer's queue.
    pub queue: usize,
    /// Maximum time a draft may wait in its queue.
    pub max_wait: Duration,
}

type ReplySender = oneshot::Sender<Result<SendOutcome, PortError>>;
type ReplyReceiver = oneshot::Receiver<Result<SendOutcome, PortError>>;

struct QueuedDraft {
    draft: Draft,
    reply: ReplySender,
    queued_at: Instant,
}

/// The writers' queues.
pub(super) struct SendQueue {
    worker: Worker,
    queues: Vec<(Sender<QueuedDraft>, Weak<ThreadSlot>)>,
    /// Their receiving ends, to measure the queue depth. They keep no writer alive.
    receivers: Vec<Receiver<QueuedDraft>>,
    metrics: Arc<SendMetrics>,
}

impl SendQueue {
    /// Starts the writers. They stop once this value is dropped and their queues are empty.
    pub(super) fn start(db: &Arc<Db>, settings: SendQueueSettings) -> std::io::Result<Self> {
        let metrics = Arc::new(SendMetrics::new()?);
        let worker = db.watched_worker("send", StallLimits::SENDS)?;
        let (mut queues, mut receivers) = (Vec::new(), Vec::new());
        for number in 0..settings.writers.max(1) {
            let (sender, queue) = bounded(settings.queue);
            receivers.push(queue.clone());
            let writer = Writer {
                queue: queue.clone(),
                db: Arc::clone(db),
                connections: db.connections(),
                metrics: Arc::clone(&metrics),
                max_wait: settings.max_wait,
            };
            let next = move || queue.recv().ok();
            let slot = worker.consume(number, || (), next, move |first| writer.run_batch(first))?;
            queues.push((sender, slot));
        }
        Ok(Self { worker, queues, receivers, metrics })
    }

    /// Metrics of queue depth, waiting time and batch size.
    pub(super) fn collectors(&self) -> std::io::Result<Collectors> {
        let receivers = self.receivers.clone();
        let depth = metrics::queue_depth("send", move || receivers.iter().map(Receiver::len).sum())?;
        let mut collectors = self.metrics.collectors();
        collectors.extend(self.worker.collectors()?);
        collectors.push(Box::new(depth));
        Ok(collectors)
    }

    /// Tells whether the COMMITs of the writers return.
    pub(super) fn commit_monitor(&self) -> CommitMonitor {
        self.worker.commit_monitor()
    }

    /// Queues a draft. The receiver resolves once it is stored or refused.
    pub(super) fn submit(&self, draft: Draft) -> Result<ReplyReceiver, PortError> {
        let full = || PortError::unavailable(Db::RETRY_AFTER, "the send queue is full");
        let mut hasher = DefaultHasher::new();
        draft.from.pair.hash(&mut hasher);
        let writers = saturating::<u64, _>(self.queues.len()).max(1);
        let number: usize = saturating(hasher.finish() % writers);
        let (reply, receiver) = oneshot::channel();
        let queued = QueuedDraft { draft, reply, queued_at: Instant::now() };
        let (queue, slot) = self.queues.get(number).ok_or_else(full)?;
        if slot.upgrade().is_some_and(|slot| slot.is_exhausted()) {
            return Err(PortError::unavailable(
                Db::RETRY_AFTER,
                "every writer of the send queue stands still",
            ));
        }
        queue.try_send(queued).map_err(|_| full())?;
        self.metrics.accept();
        Ok(receiver)
    }
}

/// A thread that stores batches.
struct Writer {
    queue: Receiver<QueuedDraft>,
    db: Arc<Db>,
    connections: Connections,
    metrics: Arc<SendMetrics>,
    max_wait: Duration,
}

impl Writer {
    /// Stores `first` together with the drafts queued after it. Database work catches its own panics; the [`Worker`] keeps the
    /// thread alive after any other.
    fn run_batch(&self, first: QueuedDraft) {
        let others = self.queue.try_iter().take(MAX_BATCH - 1);
        let batch: Vec<QueuedDraft> =
            std::iter::once(first).chain(others).filter_map(|queued| self.check_deadline(queued)).collect();
        if !batch.is_empty() {
            self.metrics.record_batch(batch.iter().map(|queued| queued.queued_at));
            self.store_batch(batch);
        }
    }

    /// Skips drafts whose caller is gone or whose deadline has passed (reply: `Unavailable`).
    fn check_deadline(&self, queued: QueuedDraft) -> Option<QueuedDraft> {
        if queued.queued_at.elapsed() <= self.max_wait {
            return Some(queued).filter(|queued| !queued.reply.is_closed());
        }
        let reason = "the message waited too long in the send queue";
        let _ = queued.reply.send(Err(PortError::unavailable(Db::RETRY_AFTER, reason)));
        None
    }

    fn store_batch(&self, batch: Vec<QueuedDraft>) {
        let mut batch = Batch::of(batch);
        match batch.store_with_retry(self.db.signals(), &self.connections, Locking::Skip) {
            Ok(outcomes) => {
                for ((draft, reply), outcome) in batch.into_drafts().zip(outcomes) {
                    self.reply_or_defer(draft, reply, outcome);
                }
            }
            Err(StoreError::Failed(error)) if batch.drafts.len() > 1 => {
                tracing::warn!(%error, drafts = batch.drafts.len(), "message batch failed; storing its messages one by one");
                for (draft, reply) in batch.into_drafts() {
                    self.store_alone(draft, reply);
                }
            }
            Err(failure) => batch.fail(&failure.into_error()),
        }
    }

    fn store_alone(&self, draft: Draft, reply: ReplySender) {
        let mut alone = Batch { drafts: vec![draft], replies: vec![reply] };
        match alone.store_with_retry(self.db.signals(), &self.connections, Locking::Skip) {
            Ok(outcomes) => {
                for ((draft, reply), outcome) in alone.into_drafts().zip(outcomes) {
                    self.reply_or_defer(draft, reply, outcome);
                }
            }
            Err(failure) => alone.fail(&failure.into_error()),
        }
    }

    /// Replies with the outcome, or defers an undecided draft to the database threads, which wait for its conversation.
    fn reply_or_defer(&self, draft: Draft, reply: ReplySender, outcome: Option<SendOutcome>) {
        if let Some(outcome) = outcome {
            // A caller that is gone can retry and finds its message under its key.
            return drop(reply.send(Ok(outcome)));
        }
        self.metrics.defer();
        let (connections, signals) = (self.connections.clone(), Arc::clone(self.db.signals()));
        // If their queue is full, the job and its reply are dropped, and the caller gets `Unavailable`.
        self.db.try_spawn(JobClass::Write, move || {
            let mut alone = Batch { drafts: vec![draft], replies: vec![reply] };
            alone.drop_abandoned();
            match alone.store_with_retry(&signals, &connections, Locking::Wait) {
                Ok(outcomes) => alone.reply(outcomes),
                Err(failure) => alone.fail(&failure.into_error()),
            }
        });
    }
}

/// Drafts that are stored together, and their callers.
struct Batch {
    drafts: Vec<Draft>,
    replies: Vec<ReplySender>,
}

impl Batch {
    fn of(batch: Vec<QueuedDraft>) -> Self {
        let (drafts, replies) = batch.into_iter().map(|queued| (queued.draft, queued.reply)).unzip();
        Self { drafts, replies }
    }

    fn into_drafts(self) -> impl Iterator<Item = (Draft, ReplySender)> {
        self.drafts.into_iter().zip(self.replies)
    }

    /// Stores the drafts and wakes the requests that wait for them; retries if the database rolled back or the connection was lost before COMMIT. A draft whose caller has
    /// got an answer meanwhile is not tried again.
    fn store_with_retry(
        &mut self,
        signals: &LocalSignals,
        connections: &Connections,
        locking: Locking,
    ) -> Result<Vec<Option<SendOutcome>>, StoreError> {
        let mut attempt = 1;
        while !self.drafts.is_empty() {
            match store(connections, &self.drafts, locking) {
                Err(StoreError::Retry(_)) if attempt < MAX_ATTEMPTS && !watched_thread::is_given_up() => {
                    attempt += 1;
                    self.drop_abandoned();
                }
                result => {
                    let Appended { outcomes, marks, .. } = result?;
                    let places: Vec<MessageMark> = marks.iter().map(|(_, mark)| *mark).collect();
                    signals.stored(&places, |place| {
                        let (number, mark) = *marks.get(place)?;
                        self.stored_message(number, mark, &outcomes)
                    });
                    return Ok(outcomes);
                }
            }
        }
        Ok(Vec::new())
    }

    /// A draft that was stored at this place.
    fn stored_message(
        &self,
        number: usize,
        mark: MessageMark,
        outcomes: &[Option<SendOutcome>],
    ) -> Option<StoredMessage> {
        let SendOutcome::Sent(sent) = outcomes.get(number)?.as_ref()? else { return None };
        let Draft { from, body, client_message_id, .. } = self.drafts.get(number)?.clone();
        Some(StoredMessage { from, body, client_message_id, created_at: sent.created_at, mark })
    }

    /// Drops the drafts whose callers are gone.
    fn drop_abandoned(&mut self) {
        let batch =
            Self { drafts: std::mem::take(&mut self.drafts), replies: std::mem::take(&mut self.replies) };
        (self.drafts, self.replies) = batch.into_drafts().filter(|(_, reply)| !reply.is_closed()).unzip();
    }

    /// Replies to the callers; each must have an outcome.
    fn reply(self, outcomes: Vec<Option<SendOutcome>>) {
        for (reply, outcome) in self.replies.into_iter().zip(outcomes) {
            let undecided = || PortError::internal("a draft is undecided after waiting for its lock");
            // Sending fails if the caller is gone; then there is no one to report to.
            let _ = reply.send(outcome.ok_or_else(undecided));
        }
    }

    fn fail(self, error: &PortError) {
        for reply in self.replies {
            let _ = reply.send(Err(error.clone()));
        }
    }
}
