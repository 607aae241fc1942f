//! Reads that wait together are answered together.
//!
//! While all threads are busy, requests of one kind gather. The thread that becomes free takes several of them and
//! asks the database once, which spares each but the first a round trip and the start of a statement. Nobody waits for
//! company: a lone request is asked for at once, by itself.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use diesel::PgConnection;
use domain::error::PortError;
use tokio::sync::oneshot;

use super::{Connections, Db, DbError};

/// Answers all of the requests, in their order.
type Work<Q, A> = fn(&mut PgConnection, &[Q]) -> Result<Vec<A>, DbError>;

/// Requests of one kind, and how they are answered.
pub(crate) struct Coalesced<Q, A> {
    db: Arc<Db>,
    shared: Arc<Shared<Q, A>>,
}

struct Shared<Q, A> {
    waiting: Mutex<Waiting<Q, A>>,
    bounds: Bounds,
    work: Work<Q, A>,
}

/// How much there may be at a time.
#[derive(Clone, Copy)]
struct Bounds {
    /// Requests that one statement answers. Beyond some there is little left to share, and the first waits for the last.
    together: usize,
    /// Requests that wait.
    waiting: usize,
    /// Jobs that are posted and not begun: one for each thread that may become free.
    jobs: usize,
}

struct Waiting<Q, A> {
    next_ticket: u64,
    entries: VecDeque<Entry<Q, A>>,
    /// Jobs that are posted and not begun. While anybody waits there is one, or a thread that will look again.
    jobs: usize,
}

struct Entry<Q, A> {
    ticket: u64,
    request: Q,
    reply: Reply<A>,
}

type Reply<A> = oneshot::Sender<Result<A, PortError>>;
type Answer<A> = oneshot::Receiver<Result<A, PortError>>;

/// A place among those who wait.
struct Place<A> {
    ticket: u64,
    answer: Answer<A>,
    /// Whether one more job is to be posted.
    wants_job: bool,
}

impl<Q, A> Clone for Coalesced<Q, A> {
    fn clone(&self) -> Self {
        Self { db: Arc::clone(&self.db), shared: Arc::clone(&self.shared) }
    }
}

impl<Q: Send + 'static, A: Send + 'static> Coalesced<Q, A> {
    /// Has requests answered by `work`, which must be one statement, at most `together` of them at once.
    pub(crate) fn new(db: Arc<Db>, together: usize, work: Work<Q, A>) -> Self {
        let bounds = Bounds { together, waiting: db.queue, jobs: db.thread_count };
        Self { db, shared: Arc::new(Shared::new(bounds, work)) }
    }

    /// Answers one request, together with those that wait for the same.
    pub(crate) async fn ask(&self, request: Q) -> Result<A, PortError> {
        let unavailable = |why| PortError::unavailable(Db::RETRY_AFTER, why);
        let Place { ticket, mut answer, wants_job } =
            self.shared.enter(request).ok_or_else(|| unavailable("too many wait for the same read"))?;
        if wants_job && !post(&self.db, &self.shared) && self.shared.withdraw(ticket) {
            return Err(unavailable("the queue of db is full"));
        }
        let received = match tokio::time::timeout(Db::PATIENCE, &mut answer).await {
            Ok(received) => received,
            Err(_) if self.shared.withdraw(ticket) => {
                return Err(unavailable("the threads of db did not get to it in time"));
            }
            // It is being answered; how long that may take is bounded by the statement's own time limit.
            Err(_) => answer.await,
        };
        received.unwrap_or_else(|_| Err(PortError::internal("a shared read panicked")))
    }
}

/// Posts the job that [`Shared`] has counted. Is false, and the count taken back, when too many jobs wait already.
fn post<Q: Send + 'static, A: Send + 'static>(db: &Arc<Db>, shared: &Arc<Shared<Q, A>>) -> bool {
    let (on, with) = (Arc::clone(db), Arc::clone(shared));
    let posted = db.post(move || {
        let connections = on.connections();
        with.begin();
        with.serve(&connections);
        // Others' jobs have their turn between two batches, unless there is no room left to come back.
        while with.needs_another_job() && !post(&on, &with) {
            with.serve(&connections);
        }
    });
    if !posted {
        shared.begin();
    }
    posted
}

impl<Q, A> Shared<Q, A> {
    const fn new(bounds: Bounds, work: Work<Q, A>) -> Self {
        let waiting = Waiting { next_ticket: 0, entries: VecDeque::new(), jobs: 0 };
        Self { waiting: Mutex::new(waiting), bounds, work }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting<Q, A>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place; none where too many wait.
    fn enter(&self, request: Q) -> Option<Place<A>> {
        let (reply, answer) = oneshot::channel();
        let mut waiting = self.waiting();
        if waiting.entries.len() >= self.bounds.waiting {
            return None;
        }
        let ticket = waiting.next_ticket;
        waiting.next_ticket += 1;
        waiting.entries.push_back(Entry { ticket, request, reply });
        let wants_job = waiting.jobs < self.bounds.jobs;
        waiting.jobs += usize::from(wants_job);
        Some(Place { ticket, answer, wants_job })
    }

    /// Gives a request up, unless a thread has taken it already.
    fn withdraw(&self, ticket: u64) -> bool {
        let mut waiting = self.waiting();
        let place = waiting.entries.iter().position(|entry| entry.ticket == ticket);
        place.and_then(|place| waiting.entries.remove(place)).is_some()
    }

    /// A job waits no longer.
    fn begin(&self) {
        self.waiting().jobs -= 1;
    }

    /// The next requests whose callers are still there.
    fn take(&self) -> (Vec<Q>, Vec<Reply<A>>) {
        let mut waiting = self.waiting();
        let (mut requests, mut replies) = (Vec::new(), Vec::new());
        while requests.len() < self.bounds.together {
            let Some(entry) = waiting.entries.pop_front() else { break };
            if !entry.reply.is_closed() {
                requests.push(entry.request);
                replies.push(entry.reply);
            }
        }
        (requests, replies)
    }

    /// Whether somebody waits for whom no job is posted; counts the job that the caller is to post.
    fn needs_another_job(&self) -> bool {
        let mut waiting = self.waiting();
        let needed = waiting.jobs == 0 && !waiting.entries.is_empty();
        waiting.jobs += usize::from(needed);
        needed
    }

    /// Answers the next few. A panic fails them alone: who waits behind them still needs this thread.
    fn serve(&self, connections: &Connections) {
        if catch_unwind(AssertUnwindSafe(|| self.answer(connections))).is_err() {
            tracing::error!("a shared read panicked; those who wait go on");
        }
    }

    fn answer(&self, connections: &Connections) {
        let (requests, replies) = self.take();
        if requests.is_empty() {
            return;
        }
        // A caller may have gone away meanwhile; then nobody wants the answer.
        match connections.with(&|connection: &mut PgConnection| (self.work)(connection, &requests)) {
            Ok(answers) => {
                for (reply, answer) in replies.into_iter().zip(answers) {
                    let _ = reply.send(Ok(answer));
                }
            }
            Err(error) => {
                for reply in replies {
                    let _ = reply.send(Err(error.again()));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(together: usize) -> Shared<u8, u8> {
        Shared::new(Bounds { together, waiting: 5, jobs: 2 }, |_, requests| Ok(requests.to_vec()))
    }

    #[test]
    fn those_who_wait_are_taken_in_their_order_and_not_too_many_together() {
        let shared = shared(2);
        let _waiting: Vec<_> = (0..5).map(|request| shared.enter(request).unwrap()).collect();
        assert_eq!(shared.take().0, [0, 1]);
        assert_eq!(shared.take().0, [2, 3]);
        assert_eq!(shared.take().0, [4]);
        assert!(shared.take().0.is_empty());
    }

    #[test]
    fn one_who_has_gone_away_takes_no_place_in_a_batch() {
        let shared = shared(2);
        let places: Vec<_> = (0..3).map(|request| shared.enter(request).unwrap()).collect();
        let [gone, _second, _third] = <[_; 3]>::try_from(places).ok().unwrap();
        drop(gone);
        assert_eq!(shared.take().0, [1, 2]);
    }

    #[test]
    fn only_who_still_waits_can_withdraw() {
        let shared = shared(1);
        let (first, second) = (shared.enter(1).unwrap(), shared.enter(2).unwrap());
        assert_eq!(shared.take().0, [1]);
        assert!(!shared.withdraw(first.ticket));
        assert!(shared.withdraw(second.ticket));
        assert!(!shared.withdraw(second.ticket));
        assert!(shared.take().0.is_empty());
    }

    #[test]
    fn who_comes_when_too_many_wait_is_told() {
        let shared = shared(1);
        let _waiting: Vec<_> = (0..5).map(|request| shared.enter(request).unwrap()).collect();
        assert!(shared.enter(5).is_none());
        shared.take();
        assert!(shared.enter(5).is_some());
    }

    #[test]
    fn there_are_never_more_jobs_than_threads_and_never_none_while_somebody_waits() {
        let shared = shared(1);
        let wanted: Vec<_> = (0..3).map(|request| shared.enter(request).unwrap().wants_job).collect();
        assert_eq!(wanted, [true, true, false]);
        assert!(!shared.needs_another_job(), "two are posted");
        shared.begin();
        shared.begin();
        assert!(shared.needs_another_job());
        assert!(!shared.needs_another_job(), "it was counted");
        shared.begin();
        while !shared.take().0.is_empty() {}
        assert!(!shared.needs_another_job(), "nobody waits");
    }
}
