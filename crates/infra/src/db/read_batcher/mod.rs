//! Read batching (request coalescing): concurrent reads of one kind share a statement.
//!
//! Problem: under load each small read costs a round trip and the start of a statement. Solution: while all threads are
//! busy, requests gather; a thread that becomes free takes several of them and queries the database once. There is no timer:
//! a lone request is executed at once, by itself.
//!
//! Data flow: [`ReadBatcher::read`] queues the request and, unless every thread has a pending job already, spawns a job on the
//! database's thread pool. A job takes the oldest requests, answers them, and spawns another job while requests are left.

use std::collections::VecDeque;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use diesel::PgConnection;
use domain::error::{DomainError, ErrorKind, PortError};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::{Connections, Db, DbError};
use crate::runtime::thread_pool::JobClass;

/// Executes the requests in one statement; the results are in the order of the requests.
type ExecuteBatch<Q, A> = fn(&mut PgConnection, &[Q]) -> Result<Vec<A>, DbError>;

/// A queue of reads of one kind, and the statement that executes them.
pub(crate) struct ReadBatcher<Q, A> {
    db: Arc<Db>,
    queue: Arc<BatchQueue<Q, A>>,
}

struct BatchQueue<Q, A> {
    state: Mutex<QueueState<Q, A>>,
    limits: BatchLimits,
    execute: ExecuteBatch<Q, A>,
}

#[derive(Clone, Copy)]
struct BatchLimits {
    /// Requests per statement. Larger batches save little more, and their first request waits for the last.
    batch: usize,
    /// Requests in the queue.
    queued: usize,
    /// Jobs that are spawned but have not started: one for each thread that may become free.
    pending_jobs: usize,
}

struct QueueState<Q, A> {
    next_ticket: u64,
    requests: VecDeque<QueuedRead<Q, A>>,
    /// Jobs that are spawned but have not started. While requests wait, this is at least one, or a running job is about to
    /// check the queue again.
    pending_jobs: usize,
}

struct QueuedRead<Q, A> {
    ticket: u64,
    request: Q,
    reply: Reply<A>,
}

type Reply<A> = oneshot::Sender<Result<A, PortError>>;

/// The caller's side of a queued request.
struct PendingRead<A> {
    ticket: u64,
    result: oneshot::Receiver<Result<A, PortError>>,
    /// Whether the caller must spawn a job, which is counted already.
    needs_job: bool,
}

impl<Q, A> Clone for ReadBatcher<Q, A> {
    fn clone(&self) -> Self {
        Self { db: Arc::clone(&self.db), queue: Arc::clone(&self.queue) }
    }
}

impl<Q: Send + 'static, A: Send + 'static> ReadBatcher<Q, A> {
    /// A batcher that executes at most `batch` requests at once by `execute`, which must be one statement.
    pub(crate) fn new(db: Arc<Db>, batch: usize, execute: ExecuteBatch<Q, A>) -> Self {
        let limits = BatchLimits { batch, queued: db.queue, pending_jobs: db.thread_count };
        Self { db, queue: Arc::new(BatchQueue::new(limits, execute)) }
    }

    /// Executes one request, together with others that wait.
    pub(crate) async fn read(&self, request: Q) -> Result<A, PortError> {
        let unavailable = |why| PortError::unavailable(Db::RETRY_AFTER, why);
        let PendingRead { ticket, mut result, needs_job } =
            self.queue.enqueue(request).ok_or_else(|| unavailable("the queue of a batched read is full"))?;
        if needs_job && !spawn_job(&self.db, &self.queue) && self.queue.withdraw(ticket) {
            return Err(unavailable("the queue of db is full"));
        }
        let threads = &self.db.threads;
        let received = match tokio::time::timeout(threads.limits().thread, &mut result).await {
            Ok(received) => received,
            Err(_) if self.queue.withdraw(ticket) => {
                return Err(unavailable("no thread of db was free in time"));
            }
            // A job has taken the request. The statement timeout bounds how long it takes, unless the database stands still.
            Err(_) => match threads.limits().wait_on(|| threads.standstill(), result).await {
                Ok(received) => received,
                Err(_) => return Err(unavailable("a batched read takes too long")),
            },
        };
        received.unwrap_or_else(|_| Err(PortError::internal("a batched read panicked")))
    }
}

/// Spawns the job that [`BatchQueue`] has counted. When the thread pool's queue is full, returns false and uncounts it.
fn spawn_job<Q: Send + 'static, A: Send + 'static>(db: &Arc<Db>, queue: &Arc<BatchQueue<Q, A>>) -> bool {
    let (job_db, job_queue) = (Arc::clone(db), Arc::clone(queue));
    let spawned = db.try_spawn(JobClass::Read, move || {
        let connections = job_db.connections();
        job_queue.job_started();
        job_queue.execute_batch(&connections);
        // Other jobs get their turn between two batches, unless there is no room to queue another one.
        while job_queue.needs_another_job() && !spawn_job(&job_db, &job_queue) {
            job_queue.execute_batch(&connections);
        }
    });
    if !spawned {
        queue.job_started();
    }
    spawned
}

impl<Q, A> BatchQueue<Q, A> {
    const fn new(limits: BatchLimits, execute: ExecuteBatch<Q, A>) -> Self {
        let state = QueueState { next_ticket: 0, requests: VecDeque::new(), pending_jobs: 0 };
        Self { state: Mutex::new(state), limits, execute }
    }

    /// Queues a request; `None` when the queue is full.
    fn enqueue(&self, request: Q) -> Option<PendingRead<A>> {
        let (reply, result) = oneshot::channel();
        let mut state = self.state.lock();
        if state.requests.len() >= self.limits.queued {
            return None;
        }
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        state.requests.push_back(QueuedRead { ticket, request, reply });
        let needs_job = state.pending_jobs < self.limits.pending_jobs;
        state.pending_jobs += usize::from(needs_job);
        Some(PendingRead { ticket, result, needs_job })
    }

    /// Removes a request from the queue. False when a job has taken it already.
    fn withdraw(&self, ticket: u64) -> bool {
        let mut state = self.state.lock();
        let position = state.requests.iter().position(|queued| queued.ticket == ticket);
        position.and_then(|position| state.requests.remove(position)).is_some()
    }

    /// Uncounts a pending job.
    fn job_started(&self) {
        self.state.lock().pending_jobs -= 1;
    }

    /// Takes the next batch, without requests whose callers are gone.
    fn take_batch(&self) -> (Vec<Q>, Vec<Reply<A>>) {
        let mut state = self.state.lock();
        let (mut requests, mut replies) = (Vec::new(), Vec::new());
        while requests.len() < self.limits.batch {
            let Some(queued) = state.requests.pop_front() else { break };
            if !queued.reply.is_closed() {
                requests.push(queued.request);
                replies.push(queued.reply);
            }
        }
        (requests, replies)
    }

    /// Whether requests wait and no job is pending; if so, counts the job that the caller must spawn.
    fn needs_another_job(&self) -> bool {
        let mut state = self.state.lock();
        let needed = state.pending_jobs == 0 && !state.requests.is_empty();
        state.pending_jobs += usize::from(needed);
        needed
    }

    /// Executes the next batch. A panic fails that batch only; the thread is still needed for the requests after it.
    fn execute_batch(&self, connections: &Connections) {
        if catch_unwind(AssertUnwindSafe(|| self.execute_next(connections))).is_err() {
            tracing::error!("a batched read panicked; its thread continues");
        }
    }

    fn execute_next(&self, connections: &Connections) {
        let (requests, replies) = self.take_batch();
        if requests.is_empty() {
            return;
        }
        let execute = |requests: &[Q]| {
            connections.with(&|connection: &mut PgConnection| (self.execute)(connection, requests))
        };
        answer(&requests, replies, &execute);
    }
}

/// Executes requests in one statement on whichever connection is free.
type Execute<'a, Q, A> = dyn Fn(&[Q]) -> Result<Vec<A>, PortError> + 'a;

/// The most requests of a batch that may exceed the time limit alone, before the database is taken to be slow for all. One account has
/// no more in flight.
const MAX_SLOW: usize = 4;

/// Executes a batch and answers its requests. A statement that fails by a fault of its input or exceeds the time limit is repeated
/// one request at a time, so that one request fails no other. A database that is unavailable is not asked again: it would fail
/// them all.
fn answer<Q, A>(requests: &[Q], replies: Vec<Reply<A>>, execute: &Execute<'_, Q, A>) {
    // A caller may be gone by now; its result is dropped then.
    match execute(requests) {
        Ok(results) => {
            for (reply, result) in replies.into_iter().zip(results) {
                let _ = reply.send(Ok(result));
            }
        }
        Err(error) if requests.len() > 1 && may_be_of_one_request(&error) => {
            let mut slow = 0;
            for (request, reply) in requests.chunks(1).zip(replies) {
                let result = if slow < MAX_SLOW { execute(request) } else { Err(error.clone()) };
                slow += usize::from(result.as_ref().is_err_and(is_time_limit));
                // One request has one result.
                let _ = reply.send(result.and_then(|mut results| {
                    results.pop().ok_or_else(|| PortError::internal("a batched read has no result"))
                }));
            }
        }
        Err(error) => {
            for reply in replies {
                let _ = reply.send(Err(error.clone()));
            }
        }
    }
}

fn may_be_of_one_request(error: &PortError) -> bool {
    error.kind() == ErrorKind::Internal || is_time_limit(error)
}

/// Whether the statement was cancelled by its time limit. As in `error.rs`, PostgreSQL's English message must do.
fn is_time_limit(error: &PortError) -> bool {
    error.source().is_some_and(|source| source.to_string().contains("due to statement timeout"))
}

#[cfg(test)]
mod tests;
