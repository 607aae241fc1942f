//! Watchdog: replaces threads whose database connection stands still.
//!
//! Problem: a server that is frozen executes nothing, but its kernel acknowledges all that arrives. Neither TCP's time limits nor
//! PostgreSQL's end a statement there, and a COMMIT that waits for a dead standby has no limit at all. Solution: the watchdog
//! compares the statement of each thread with its limit. It gives a stalled thread up: it takes the connection from the pool's
//! account, retires all connections that were made before, and starts another thread in the same [`ThreadSlot`]. The old thread
//! commits nothing any more and ends when its statement returns.
//!
//! A slot has at most [`ThreadSlot::MAX_REPLACEMENTS`] replacements at a time, so that a database that swallows every connection
//! costs a bounded number of threads and connections.

use std::io;
use std::sync::Arc;
use std::sync::Weak;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use prometheus::IntCounter;
use scheduled_thread_pool::ScheduledThreadPool;

use super::watched_thread::{self, StallLimits, Ticks, WatchedThread};

/// Checks all watched threads of a process, ten times a second.
pub(crate) struct Watchdog {
    ticks: Arc<Ticks>,
    slots: Arc<Mutex<Vec<Weak<ThreadSlot>>>>,
    /// Whether a thread is given up and has not ended.
    stalled: Arc<AtomicBool>,
    /// Ends with this value.
    _timer: ScheduledThreadPool,
}

impl Watchdog {
    /// Starts the thread that checks.
    pub(crate) fn start() -> Self {
        let ticks = Arc::new(Ticks::new());
        let slots = Arc::<Mutex<Vec<Weak<ThreadSlot>>>>::default();
        let timer = ScheduledThreadPool::builder().num_threads(1).thread_name_pattern("watchdog").build();
        let stalled = Arc::<AtomicBool>::default();
        let (time, watched, any) = (Arc::clone(&ticks), Arc::clone(&slots), Arc::clone(&stalled));
        timer.execute_at_fixed_rate(Ticks::LENGTH, Ticks::LENGTH, move || {
            time.advance();
            let mut stands_still = false;
            watched
                .lock()
                .retain(|slot| slot.upgrade().inspect(|slot| stands_still |= slot.check()).is_some());
            any.store(stands_still, Ordering::Relaxed);
        });
        Self { ticks, slots, stalled, _timer: timer }
    }

    /// Whether a thread stands still.
    pub(crate) fn is_stalled(&self) -> bool {
        self.stalled.load(Ordering::Relaxed)
    }

    /// Watches threads with these limits. `stalls` counts those that are given up.
    pub(super) fn watch(&self, limits: StallLimits, stalls: IntCounter) -> Watch {
        let (ticks, slots, stalled) =
            (Arc::clone(&self.ticks), Arc::clone(&self.slots), Arc::clone(&self.stalled));
        Watch { ticks, slots, stalled, limits, stalls, last_commit: Arc::default() }
    }
}

/// How the threads of one worker are watched.
#[derive(Clone)]
pub(super) struct Watch {
    ticks: Arc<Ticks>,
    slots: Arc<Mutex<Vec<Weak<ThreadSlot>>>>,
    stalled: Arc<AtomicBool>,
    limits: StallLimits,
    stalls: IntCounter,
    last_commit: Arc<AtomicU64>,
}

impl Watch {
    /// Whether any thread of the watchdog stands still.
    pub(super) fn is_stalled(&self) -> bool {
        self.stalled.load(Ordering::Relaxed)
    }

    fn thread(&self) -> Arc<WatchedThread> {
        let (ticks, last_commit) = (Arc::clone(&self.ticks), Arc::clone(&self.last_commit));
        Arc::new(WatchedThread::new(ticks, self.limits, last_commit))
    }
}

/// What a thread of a slot runs, until it returns. It ends the thread when [`watched_thread::finish_work`] says so.
type Body = Box<dyn Fn() + Send + Sync>;

/// A place for one working thread. While threads that were given up have not ended yet, it has more.
pub(crate) struct ThreadSlot {
    name: String,
    watch: Option<Watch>,
    body: Body,
    threads: Mutex<Vec<Arc<WatchedThread>>>,
    ended: Condvar,
    /// Whether every thread is given up: no more replacements are permitted.
    exhausted: AtomicBool,
}

impl ThreadSlot {
    /// Replacements that work, or stand still themselves, while the thread before them has not ended.
    pub(super) const MAX_REPLACEMENTS: usize = 2;

    /// Starts a thread that runs `body`; it is watched if there is a `watch`.
    ///
    /// # Errors
    /// When the system cannot start another thread.
    pub(super) fn start(
        name: String,
        watch: Option<&Watch>,
        body: impl Fn() + Send + Sync + 'static,
    ) -> io::Result<Arc<Self>> {
        let slot = Arc::new(Self {
            name,
            watch: watch.cloned(),
            body: Box::new(body),
            threads: Mutex::default(),
            ended: Condvar::new(),
            exhausted: AtomicBool::new(false),
        });
        slot.start_thread(&mut slot.threads.lock())?;
        if let Some(watch) = watch {
            watch.slots.lock().push(Arc::downgrade(&slot));
        }
        Ok(slot)
    }

    fn start_thread(self: &Arc<Self>, threads: &mut Vec<Arc<WatchedThread>>) -> io::Result<()> {
        let unwatched = || WatchedThread::new(Arc::new(Ticks::new()), StallLimits::REQUESTS, Arc::default());
        let thread = self.watch.as_ref().map_or_else(|| Arc::new(unwatched()), Watch::thread);
        let (slot, entered) = (Arc::clone(self), Arc::clone(&thread));
        std::thread::Builder::new().name(self.name.clone()).spawn(move || {
            watched_thread::enter(Arc::clone(&entered));
            (slot.body)();
            slot.leave(&entered);
        })?;
        threads.push(thread);
        Ok(())
    }

    fn leave(&self, thread: &Arc<WatchedThread>) {
        self.threads.lock().retain(|one| !Arc::ptr_eq(one, thread));
        self.ended.notify_all();
    }

    /// Gives stalled threads up and replaces them. True if a thread is given up that has not ended.
    fn check(self: &Arc<Self>) -> bool {
        let mut threads = self.threads.lock();
        for thread in threads.clone().iter().filter(|one| one.is_stalled()) {
            if !thread.is_given_up() {
                thread.give_up();
                self.report();
            }
            if !thread.is_replaced() && threads.len() <= Self::MAX_REPLACEMENTS {
                match self.start_thread(&mut threads) {
                    Ok(()) => thread.replace(),
                    Err(error) => tracing::error!(%error, "cannot replace a thread"),
                }
            }
        }
        self.exhausted.store(threads.iter().all(|one| one.is_given_up()), Ordering::Relaxed);
        threads.iter().any(|one| one.is_given_up())
    }

    fn report(&self) {
        if let Some(watch) = &self.watch {
            watch.stalls.inc();
        }
        tracing::warn!(kind = self.name, "a database connection stands still; its thread is given up");
    }

    /// Threads that were given up and have not ended.
    pub(super) fn stalled(&self) -> usize {
        self.threads.lock().iter().filter(|one| one.is_given_up()).count()
    }

    /// Whether no thread works: each was given up.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.exhausted.load(Ordering::Relaxed)
    }

    /// Whether a COMMIT stands still, and none that began later has returned.
    pub(super) fn has_stalled_commit(&self) -> bool {
        let last = self.watch.as_ref().map_or(0, |watch| watch.last_commit.load(Ordering::Relaxed));
        self.threads.lock().iter().any(|one| one.stalled_commit().is_some_and(|began| began >= last))
    }

    /// Waits until every thread has ended that was not given up.
    pub(super) fn join(&self) {
        let mut threads = self.threads.lock();
        while !threads.iter().all(|one| one.is_given_up()) {
            self.ended.wait_for(&mut threads, Duration::from_millis(100));
        }
    }
}

#[cfg(test)]
mod tests;
