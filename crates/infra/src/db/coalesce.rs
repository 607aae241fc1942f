//! Reads that wait together are answered together.
//!
//! While all threads are busy, requests of one kind gather. The thread that becomes free takes up to `at_once` of them and
//! asks the database once, which spares each but the first a round trip and the start of a statement. Nobody waits for
//! company: a lone request is asked for at once, by itself.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use diesel::PgConnection;
use domain::error::RepositoryError;
use tokio::sync::oneshot;

use super::{Db, DbError};

/// Answers all of the requests, in their order.
type Work<Q, A> = fn(&mut PgConnection, &[Q]) -> Result<Vec<A>, DbError>;

/// Requests of one kind, and how they are answered.
pub(crate) struct Coalesced<Q, A> {
    db: Arc<Db>,
    shared: Arc<Shared<Q, A>>,
}

struct Shared<Q, A> {
    waiting: Mutex<Waiting<Q, A>>,
    at_once: usize,
    work: Work<Q, A>,
}

struct Waiting<Q, A> {
    next_ticket: u64,
    entries: VecDeque<Entry<Q, A>>,
}

struct Entry<Q, A> {
    ticket: u64,
    request: Q,
    reply: oneshot::Sender<Result<A, RepositoryError>>,
}

impl<Q, A> Clone for Coalesced<Q, A> {
    fn clone(&self) -> Self {
        Self { db: Arc::clone(&self.db), shared: Arc::clone(&self.shared) }
    }
}

impl<Q: Send + 'static, A: Send + 'static> Coalesced<Q, A> {
    /// Has requests answered by `work`, which must be one statement, at most `at_once` of them together.
    pub(crate) fn new(db: Arc<Db>, at_once: usize, work: Work<Q, A>) -> Self {
        let waiting = Mutex::new(Waiting { next_ticket: 0, entries: VecDeque::new() });
        Self { db, shared: Arc::new(Shared { waiting, at_once, work }) }
    }

    /// Answers one request, together with those that wait for the same.
    pub(crate) async fn ask(&self, request: Q) -> Result<A, RepositoryError> {
        let (ticket, mut answer) = self.shared.enter(request);
        let (shared, connections) = (Arc::clone(&self.shared), self.db.connections());
        // Each request brings a job, so that none can be left behind; one that finds nobody waiting is soon done.
        if !self.db.post(move || shared.serve(&connections)) && self.shared.withdraw(ticket) {
            return Err(RepositoryError::unavailable(Db::RETRY_AFTER, "the queue of db is full"));
        }
        let received = match tokio::time::timeout(Db::PATIENCE, &mut answer).await {
            Ok(received) => received,
            Err(_) if self.shared.withdraw(ticket) => {
                return Err(RepositoryError::unavailable(
                    Db::RETRY_AFTER,
                    "the threads of db did not get to it in time",
                ));
            }
            // It is being answered; how long that may take is bounded by the statement's own time limit.
            Err(_) => answer.await,
        };
        received.unwrap_or_else(|_| Err(RepositoryError::internal("a shared read panicked")))
    }
}

impl<Q, A> Shared<Q, A> {
    fn enter(&self, request: Q) -> (u64, oneshot::Receiver<Result<A, RepositoryError>>) {
        let (reply, answer) = oneshot::channel();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let ticket = waiting.next_ticket;
        waiting.next_ticket += 1;
        waiting.entries.push_back(Entry { ticket, request, reply });
        (ticket, answer)
    }

    /// Gives a request up, unless a thread has taken it already.
    fn withdraw(&self, ticket: u64) -> bool {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let place = waiting.entries.iter().position(|entry| entry.ticket == ticket);
        place.and_then(|place| waiting.entries.remove(place)).is_some()
    }

    /// The next requests whose callers are still there.
    fn take(&self) -> (Vec<Q>, Vec<oneshot::Sender<Result<A, RepositoryError>>>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut requests, mut replies) = (Vec::new(), Vec::new());
        while requests.len() < self.at_once {
            let Some(entry) = waiting.entries.pop_front() else { break };
            if !entry.reply.is_closed() {
                requests.push(entry.request);
                replies.push(entry.reply);
            }
        }
        (requests, replies)
    }

    fn serve(&self, connections: &super::Connections) {
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

    fn shared(at_once: usize) -> Shared<u8, u8> {
        let waiting = Mutex::new(Waiting { next_ticket: 0, entries: VecDeque::new() });
        Shared { waiting, at_once, work: |_, requests| Ok(requests.to_vec()) }
    }

    #[test]
    fn those_who_wait_are_taken_in_their_order_and_not_too_many_together() {
        let shared = shared(2);
        let _waiting: Vec<_> = (0..5).map(|request| shared.enter(request)).collect();
        assert_eq!(shared.take().0, [0, 1]);
        assert_eq!(shared.take().0, [2, 3]);
        assert_eq!(shared.take().0, [4]);
        assert!(shared.take().0.is_empty());
    }

    #[test]
    fn one_who_has_gone_away_takes_no_place() {
        let shared = shared(2);
        let (_, first) = shared.enter(1);
        let (_, second) = shared.enter(2);
        let (_, third) = shared.enter(3);
        drop(first);
        assert_eq!(shared.take().0, [2, 3]);
        drop((second, third));
    }

    #[test]
    fn only_who_still_waits_can_withdraw() {
        let shared = shared(1);
        let (first, _waiting) = shared.enter(1);
        let (second, _waiting_too) = shared.enter(2);
        assert_eq!(shared.take().0, [1]);
        assert!(!shared.withdraw(first));
        assert!(shared.withdraw(second));
        assert!(!shared.withdraw(second));
        assert!(shared.take().0.is_empty());
    }
}
