//! Heartbeat of a thread that uses database connections: which statement it waits for, and since when.
//!
//! The thread notes the begin and the end of each statement in memory; the [`super::watchdog`] reads the note. Time is counted in
//! the watchdog's ticks, so that a note costs no system call, and a process that was stopped itself blames no server for it.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use domain::number::saturating;
use parking_lot::Mutex;

/// The watchdog's time, in ticks since its start. It begins at 1, so that 0 means "never".
#[derive(Debug)]
pub(super) struct Ticks(AtomicU64);

impl Ticks {
    /// The length of a tick, and thus the precision of the watchdog.
    pub(super) const LENGTH: Duration = Duration::from_millis(100);

    pub(super) const fn new() -> Self {
        Self(AtomicU64::new(1))
    }

    pub(super) fn advance(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn of(time: Duration) -> u64 {
        saturating(time.as_millis() / Self::LENGTH.as_millis())
    }
}

/// The kinds of statements, which may take differently long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StatementKind {
    /// A statement outside of a transaction.
    Alone,
    /// A statement within a transaction.
    InTransaction,
    /// The COMMIT of a transaction. PostgreSQL limits its time by no setting.
    Commit,
}

/// After how long a statement of each kind counts as stalled: its time limit in the session, and some slack.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StallLimits {
    pub(crate) alone: Duration,
    pub(crate) in_transaction: Duration,
    pub(crate) commit: Duration,
}

impl StallLimits {
    /// The limits of requests: see `db/pool.rs` and `db/transaction.rs` for what the session permits.
    pub(crate) const REQUESTS: Self = Self {
        alone: Duration::from_secs(2),
        in_transaction: Duration::from_secs(6),
        commit: Duration::from_secs(2),
    };
    /// The limits of the writers of messages, who wait for no lock longer than two seconds, and whose callers wait no longer than
    /// three.
    pub(crate) const SENDS: Self = Self {
        alone: Duration::from_secs(2),
        in_transaction: Duration::from_secs(3),
        commit: Duration::from_secs(2),
    };
    /// The limits of exports, whose statements all run within one transaction.
    pub(crate) const EXPORTS: Self = Self { alone: Duration::from_secs(6), ..Self::REQUESTS };

    /// These limits, so many times as long.
    pub(crate) const fn stretched(self, times: u32) -> Self {
        Self {
            alone: self.alone.saturating_mul(times),
            in_transaction: self.in_transaction.saturating_mul(times),
            commit: self.commit.saturating_mul(times),
        }
    }

    const fn of(&self, kind: StatementKind) -> Duration {
        match kind {
            StatementKind::Alone => self.alone,
            StatementKind::InTransaction => self.in_transaction,
            StatementKind::Commit => self.commit,
        }
    }
}

/// What a thread holds that others need: it is taken away when the thread is given up.
pub(crate) trait Held: Send + Sync {
    /// Lets the others have it.
    fn give_up(&self);
}

/// The state of one thread.
pub(super) struct WatchedThread {
    ticks: Arc<Ticks>,
    limits: StallLimits,
    /// The tick of the last COMMIT that returned, shared by the threads of a worker.
    last_commit: Arc<AtomicU64>,
    /// The tick after which the present statement counts as stalled; 0 while there is none.
    deadline: AtomicU64,
    /// When the present COMMIT began; 0 while there is none.
    commit_began: AtomicU64,
    /// Whether the present statement took too long: its callers have their answer.
    given_up: AtomicBool,
    /// Whether another thread works instead of this one, which ends with its present work.
    replaced: AtomicBool,
    held: Mutex<Option<Arc<dyn Held>>>,
}

impl WatchedThread {
    pub(super) fn new(ticks: Arc<Ticks>, limits: StallLimits, last_commit: Arc<AtomicU64>) -> Self {
        Self {
            ticks,
            limits,
            last_commit,
            deadline: AtomicU64::new(0),
            commit_began: AtomicU64::new(0),
            given_up: AtomicBool::new(false),
            replaced: AtomicBool::new(false),
            held: Mutex::new(None),
        }
    }

    fn begin(&self, kind: StatementKind) {
        let now = self.ticks.now();
        // One more, because the present tick has begun already.
        self.deadline.store(now + 1 + Ticks::of(self.limits.of(kind)), Ordering::Relaxed);
        self.commit_began.store(if kind == StatementKind::Commit { now } else { 0 }, Ordering::Relaxed);
    }

    fn end(&self) {
        self.deadline.store(0, Ordering::Relaxed);
        self.commit_began.store(0, Ordering::Relaxed);
    }

    /// Whether the present statement has exceeded its limit.
    pub(super) fn is_stalled(&self) -> bool {
        let deadline = self.deadline.load(Ordering::Relaxed);
        deadline != 0 && deadline < self.ticks.now()
    }

    /// When the COMMIT began that has exceeded its limit, if there is one.
    pub(super) fn stalled_commit(&self) -> Option<u64> {
        let began = self.commit_began.load(Ordering::Relaxed);
        (began != 0 && self.is_stalled()).then_some(began)
    }

    pub(super) fn is_given_up(&self) -> bool {
        self.given_up.load(Ordering::Acquire)
    }

    /// Takes away what the thread holds. From now on it commits nothing.
    pub(super) fn give_up(&self) {
        self.given_up.store(true, Ordering::Release);
        let held = self.held.lock().take();
        if let Some(held) = held {
            held.give_up();
        }
    }

    /// Ends the thread after its present work.
    pub(super) fn replace(&self) {
        self.replaced.store(true, Ordering::Release);
    }

    pub(super) fn is_replaced(&self) -> bool {
        self.replaced.load(Ordering::Acquire)
    }
}

thread_local! {
    /// The state of this thread, if a watchdog watches it.
    static CURRENT: RefCell<Option<Arc<WatchedThread>>> = const { RefCell::new(None) };
}

fn with_current<T>(read: impl FnOnce(&WatchedThread) -> T) -> Option<T> {
    CURRENT.with_borrow(|current| current.as_deref().map(read))
}

/// The state of this thread, if a watchdog watches it.
pub(super) fn current() -> Option<Arc<WatchedThread>> {
    CURRENT.with_borrow(Clone::clone)
}

/// Makes this thread a watched one.
pub(super) fn enter(thread: Arc<WatchedThread>) {
    CURRENT.set(Some(thread));
}

/// Notes that this thread begins to wait for a statement.
pub(crate) fn begin_statement(kind: StatementKind) {
    with_current(|thread| thread.begin(kind));
}

/// Notes that the statement has returned.
pub(crate) fn end_statement() {
    with_current(WatchedThread::end);
}

/// Notes that the COMMIT of something stored has returned.
pub(crate) fn note_commit() {
    with_current(|thread| thread.last_commit.fetch_max(thread.ticks.now(), Ordering::Relaxed));
}

/// Notes what is to be taken away from this thread when it is given up. At once, if it has been given up already.
pub(crate) fn hold(held: Arc<dyn Held>) {
    with_current(|thread| {
        *thread.held.lock() = Some(held);
        if thread.is_given_up() {
            thread.give_up();
        }
    });
}

/// Forgets what [`hold`] has noted.
pub(crate) fn release() {
    with_current(|thread| {
        thread.end();
        thread.held.lock().take()
    });
}

/// Whether this thread was given up: its callers are gone, so that it stores nothing any more.
pub(crate) fn is_given_up() -> bool {
    with_current(WatchedThread::is_given_up).unwrap_or(false)
}

/// Ends a piece of work. True if the thread is to end, because another one has taken its place.
pub(super) fn finish_work() -> bool {
    let finish = |thread: &WatchedThread| {
        thread.end();
        let replaced = thread.is_replaced();
        if !replaced {
            thread.given_up.store(false, Ordering::Release);
        }
        replaced
    };
    with_current(finish).unwrap_or(false)
}
