//! Background workers: one lifecycle for all threads and tasks that run on their own.
//!
//! A [`Worker`] is a name with a panic policy and a metric. It runs work in one of three ways:
//!
//! | method | runs on | ends when | used by |
//! |---|---|---|---|
//! | `Worker::consume` | a thread | its queue is closed and empty | thread pools, send writers |
//! | `Worker::repeat` | a thread | its [`WorkerHandle`] is stopped or dropped | search indexer, revocation list, database clock |
//! | `TaskGroup::repeat` | an async task | its `TaskGroup` is stopped | maintenance, erasures |
//!
//! A panic is caught, logged with the worker's name and counted; the worker continues with the next item or the next
//! step. Stopping is graceful: what has begun is finished, nothing new begins. A thread whose database connection stands still is
//! replaced if its worker is watched (`watchdog.rs`); stopping does not wait for it.

use std::convert::Infallible;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, bounded};
use parking_lot::Mutex;
use prometheus::IntCounter;

use super::watchdog::{ThreadSlot, Watch, Watchdog};
use super::watched_thread::{self, StallLimits};
use crate::metrics::{self, Collectors, Sampled};

/// A kind of background work: its name, what happens when it panics or stands still, and its metrics.
#[derive(Clone)]
pub struct Worker {
    name: &'static str,
    panics: PanicReport,
    stalls: IntCounter,
    watch: Option<Watch>,
    slots: Slots,
}

/// The slots of a worker's threads, which its threads keep alive.
type Slots = Arc<Mutex<Vec<Weak<ThreadSlot>>>>;

fn count_in(slots: &Slots, count: impl Fn(&ThreadSlot) -> usize) -> usize {
    slots.lock().iter().filter_map(Weak::upgrade).map(|slot| count(&slot)).sum()
}

impl Worker {
    /// A worker with this name in thread names, logs and metrics.
    ///
    /// # Errors
    /// When the name is invalid as a label.
    pub fn new(name: &'static str) -> io::Result<Self> {
        let help = "Panics of background workers, which continued.";
        let panics = metrics::counter("hongyan_worker_panics_total", help, ("worker", name))?;
        let help = "Threads that were given up because their database connection stood still.";
        let stalls = metrics::counter("hongyan_stalled_threads_total", help, ("worker", name))?;
        let panics = PanicReport { worker: name, panics };
        Ok(Self { name, panics, stalls, watch: None, slots: Slots::default() })
    }

    /// As [`Worker::new`], with threads that use the database and are replaced when their connection stands still.
    ///
    /// # Errors
    /// When the name is invalid as a label.
    pub(crate) fn watched(name: &'static str, watchdog: &Watchdog, limits: StallLimits) -> io::Result<Self> {
        let worker = Self::new(name)?;
        Ok(Self { watch: Some(watchdog.watch(limits, worker.stalls.clone())), ..worker })
    }

    /// Metrics: the number of panics, and of threads that stand still.
    ///
    /// # Errors
    /// When the name is invalid as a label.
    pub fn collectors(&self) -> io::Result<Collectors> {
        let mut collectors: Collectors = vec![Box::new(self.panics.panics.clone())];
        if self.watch.is_some() {
            let (label, slots, places) =
                (Some(("worker", self.name)), self.slots.clone(), self.slots.clone());
            let stalled = move || count_in(&slots, ThreadSlot::stalled);
            let limit = move || count_in(&places, |_| ThreadSlot::MAX_REPLACEMENTS + 1);
            let (now, most) =
                ("Threads whose database connection stands still.", "Most of them that there can be.");
            collectors.push(Box::new(self.stalls.clone()));
            collectors.push(Box::new(Sampled::new("hongyan_stalled_threads", now, label, stalled)?));
            collectors.push(Box::new(Sampled::new("hongyan_stalled_threads_limit", most, label, limit)?));
        }
        Ok(collectors)
    }

    /// Starts thread `number` of this worker: it runs `setup`, then `handle` for each item until `next` has none.
    ///
    /// # Errors
    /// When the system cannot start another thread.
    pub(crate) fn consume<T>(
        &self,
        number: usize,
        setup: impl Fn() + Send + Sync + 'static,
        next: impl Fn() -> Option<T> + Send + Sync + 'static,
        handle: impl Fn(T) + Send + Sync + 'static,
    ) -> io::Result<Weak<ThreadSlot>> {
        let panics = self.panics.clone();
        let body = move || {
            setup();
            while let Some(item) = next() {
                panics.catch(|| handle(item));
                if watched_thread::finish_work() {
                    return;
                }
            }
        };
        Ok(Arc::downgrade(&self.start_slot(format!("{}-{number}", self.name), body)?))
    }

    fn start_slot(
        &self,
        thread: String,
        body: impl Fn() + Send + Sync + 'static,
    ) -> io::Result<Arc<ThreadSlot>> {
        let slot = ThreadSlot::start(thread, self.watch.as_ref(), body)?;
        self.slots.lock().push(Arc::downgrade(&slot));
        Ok(slot)
    }

    /// Whether a thread stands still, of this worker or of another one with the same watchdog.
    pub(crate) fn is_stalled(&self) -> bool {
        self.watch.as_ref().is_some_and(Watch::is_stalled)
    }

    /// Starts a thread that runs `step` at once and then again `interval` after each run. A step that takes long checks the
    /// [`StopSignal`] and ends early. A replaced thread may still be in its step while the next thread runs its own.
    ///
    /// # Errors
    /// When the system cannot start another thread.
    pub fn repeat(
        &self,
        interval: Duration,
        step: impl Fn(&StopSignal) + Send + Sync + 'static,
    ) -> io::Result<WorkerHandle> {
        let (running, stopped) = bounded(0);
        let (panics, stop) = (self.panics.clone(), StopSignal(stopped));
        let body = move || {
            loop {
                panics.catch(|| step(&stop));
                if watched_thread::finish_work() || stop.wait(interval).is_err() {
                    return;
                }
            }
        };
        Ok(WorkerHandle { running, slot: self.start_slot(self.name.to_owned(), body)? })
    }

    /// Counts a panic of its work.
    pub(super) fn report_panic(&self) {
        self.panics.report();
    }

    /// What tells whether the COMMITs of this worker return.
    pub(crate) fn commit_monitor(&self) -> CommitMonitor {
        CommitMonitor(self.slots.clone())
    }
}

/// Tells whether the COMMITs of a worker return.
#[derive(Clone)]
pub struct CommitMonitor(Slots);

impl CommitMonitor {
    /// False while a COMMIT stands still and none that began later has returned, as without the only synchronous standby.
    #[must_use]
    pub fn commits_return(&self) -> bool {
        count_in(&self.0, |slot| usize::from(slot.has_stalled_commit())) == 0
    }
}

/// Logs and counts the panics of one worker.
#[derive(Clone)]
struct PanicReport {
    worker: &'static str,
    panics: IntCounter,
}

impl PanicReport {
    /// Runs `work`; a panic is counted.
    fn catch(&self, work: impl FnOnce()) {
        if catch_unwind(AssertUnwindSafe(work)).is_err() {
            self.report();
        }
    }

    fn report(&self) {
        self.panics.inc();
        tracing::error!(worker = self.worker, "worker panicked; it continues");
    }
}

/// Tells a step of [`Worker::repeat`] that it is to end.
#[derive(Debug)]
pub struct StopSignal(Receiver<Infallible>);

/// The worker is being stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped;

impl StopSignal {
    /// Sleeps.
    ///
    /// # Errors
    /// [`Stopped`], at once, when the worker is stopped before or during the sleep.
    pub fn wait(&self, time: Duration) -> Result<(), Stopped> {
        match self.0.recv_timeout(time) {
            Err(RecvTimeoutError::Timeout) => Ok(()),
            Err(RecvTimeoutError::Disconnected) => Err(Stopped),
        }
    }

    /// Whether the worker is being stopped.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        matches!(self.0.try_recv(), Err(TryRecvError::Disconnected))
    }
}

/// A running worker thread. Dropping this stops the thread without waiting for it.
pub struct WorkerHandle {
    running: Sender<Infallible>,
    slot: Arc<ThreadSlot>,
}

impl WorkerHandle {
    /// Stops the thread and waits until it ends, unless its database connection stands still.
    pub fn stop(self) {
        drop(self.running);
        self.slot.join();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn worker() -> Worker {
        Worker::new("test").unwrap()
    }

    #[test]
    fn a_consumer_survives_a_panic_and_finishes_its_queue() {
        let (worker, (queue, items), (done, handled)) = (worker(), bounded(4), mpsc::channel());
        for item in [1, 2, 3] {
            queue.send(item).unwrap();
        }
        drop(queue);
        let handle = move |item| if item == 2 { panic!("on purpose") } else { done.send(item).unwrap() };
        worker.consume(0, || (), move || items.recv().ok(), handle).unwrap();
        assert_eq!(handled.iter().collect::<Vec<_>>(), [1, 3], "the thread ends when the queue is empty");
        assert_eq!(worker.panics.panics.get(), 1);
    }

    #[test]
    fn a_repeated_step_runs_again_after_a_panic_until_it_is_stopped() {
        let (worker, (ran, runs)) = (worker(), mpsc::channel());
        let step = move |_: &StopSignal| {
            ran.send(()).unwrap();
            panic!("on purpose");
        };
        let handle = worker.repeat(Duration::from_millis(1), step).unwrap();
        assert!(runs.iter().take(3).count() == 3);
        handle.stop();
        assert!(runs.iter().count() < usize::MAX, "the channel ends with the thread");
        assert!(worker.panics.panics.get() >= 3);
    }

    #[test]
    fn stopping_interrupts_the_wait_within_a_step() {
        let (begun, has_begun) = mpsc::channel();
        let step = move |stop: &StopSignal| {
            assert!(!stop.is_stopped());
            begun.send(()).unwrap();
            assert_eq!(stop.wait(Duration::from_secs(600)), Err(Stopped));
            assert!(stop.is_stopped());
        };
        let worker = worker();
        let handle = worker.repeat(Duration::from_secs(600), step).unwrap();
        has_begun.recv().unwrap();
        handle.stop();
        assert_eq!(worker.panics.panics.get(), 0);
    }
}
