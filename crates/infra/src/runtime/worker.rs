//! Background workers: one lifecycle for all threads and tasks that run on their own.
//!
//! A [`Worker`] is a name with a panic policy and a metric. It runs work in one of three ways:
//!
//! | method | runs on | ends when | used by |
//! |---|---|---|---|
//! | `Worker::consume` | a thread | its queue is closed and empty | thread pools, send writers |
//! | `Worker::repeat` | a thread | its [`WorkerHandle`] is stopped or dropped | search indexer, revocation list, database clock |
//! | [`TaskGroup::repeat`] | an async task | its `TaskGroup` is stopped | maintenance, erasures |
//!
//! A panic is caught, logged with the worker's name and counted; the worker continues with the next item or the next
//! step. Stopping is graceful: what has begun is finished, nothing new begins.

use std::convert::Infallible;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, bounded};
use futures_util::FutureExt;
use prometheus::IntCounter;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::metrics::{self, Collectors};

/// A kind of background work: its name, what happens when it panics, and its metric.
#[derive(Debug, Clone)]
pub struct Worker {
    name: &'static str,
    panics: IntCounter,
}

impl Worker {
    /// A worker with this name in thread names, logs and metrics.
    ///
    /// # Errors
    /// When the name is invalid as a label.
    pub fn new(name: &'static str) -> io::Result<Self> {
        let help = "Panics of background workers, which continued.";
        let panics = metrics::counter("hongyan_worker_panics_total", help, ("worker", name))?;
        Ok(Self { name, panics })
    }

    /// Metrics: the number of panics.
    #[must_use]
    pub fn collectors(&self) -> Collectors {
        vec![Box::new(self.panics.clone())]
    }

    /// Starts thread `number` of this worker: it runs `setup`, then `handle` for each item of the queue.
    ///
    /// # Errors
    /// When the system cannot start another thread.
    pub(crate) fn consume<T: Send + 'static>(
        &self,
        number: usize,
        queue: Receiver<T>,
        setup: impl FnOnce() + Send + 'static,
        mut handle: impl FnMut(T) + Send + 'static,
    ) -> io::Result<()> {
        let worker = self.clone();
        let thread = std::thread::Builder::new().name(format!("{}-{number}", self.name));
        thread.spawn(move || {
            setup();
            for item in queue {
                worker.catch(|| handle(item));
            }
        })?;
        Ok(())
    }

    /// Starts a thread that runs `step` at once and then again `interval` after each run. A step that takes long checks the
    /// [`StopSignal`] and ends early.
    ///
    /// # Errors
    /// When the system cannot start another thread.
    pub fn repeat(
        &self,
        interval: Duration,
        mut step: impl FnMut(&StopSignal) + Send + 'static,
    ) -> io::Result<WorkerHandle> {
        let (running, stopped) = bounded(0);
        let (worker, stop) = (self.clone(), StopSignal(stopped));
        let thread = std::thread::Builder::new().name(self.name.to_owned()).spawn(move || {
            loop {
                worker.catch(|| step(&stop));
                if stop.wait(interval).is_err() {
                    return;
                }
            }
        })?;
        Ok(WorkerHandle { running, thread })
    }

    /// Runs `work` and returns its result; `None` if it panicked.
    fn catch<T>(&self, work: impl FnOnce() -> T) -> Option<T> {
        catch_unwind(AssertUnwindSafe(work)).map_err(|_| self.report_panic()).ok()
    }

    fn report_panic(&self) {
        self.panics.inc();
        tracing::error!(worker = self.name, "worker panicked; it continues");
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
#[derive(Debug)]
pub struct WorkerHandle {
    running: Sender<Infallible>,
    thread: JoinHandle<()>,
}

impl WorkerHandle {
    /// Stops the thread and waits until it ends.
    pub fn stop(self) {
        drop(self.running);
        // The thread catches the panics of its steps, so a failed join carries no news.
        let _ = self.thread.join();
    }
}

/// One step of a worker that runs as an async task.
pub trait TaskStep: Send + 'static {
    /// Does a bounded amount of work and returns the pause before the next step.
    fn step(&mut self) -> impl Future<Output = Duration> + Send;
}

/// Async worker tasks that stop together.
#[derive(Debug, Default)]
pub struct TaskGroup {
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl TaskGroup {
    /// Pause after a step that panicked.
    const PAUSE_AFTER_PANIC: Duration = Duration::from_secs(2);

    /// Spawns a task that runs the steps of `work`, the first one after `first_pause`. Must be called within a tokio runtime.
    pub fn repeat(&self, worker: &Worker, first_pause: Duration, mut work: impl TaskStep) {
        let (worker, stop) = (worker.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            let mut pause = first_pause;
            while stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_some() {
                let step = AssertUnwindSafe(work.step()).catch_unwind().await;
                pause = step.unwrap_or_else(|_| {
                    worker.report_panic();
                    Self::PAUSE_AFTER_PANIC
                });
            }
        });
    }

    /// Stops the tasks and waits for the steps that are running.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
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
        worker.consume(0, items, || (), handle).unwrap();
        assert_eq!(handled.iter().collect::<Vec<_>>(), [1, 3], "the thread ends when the queue is empty");
        assert_eq!(worker.panics.get(), 1);
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
        assert!(worker.panics.get() >= 3);
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
        assert_eq!(worker.panics.get(), 0);
    }

    struct Count(Arc<AtomicUsize>);

    impl TaskStep for Count {
        async fn step(&mut self) -> Duration {
            // The third step panics.
            assert_ne!(self.0.fetch_add(1, Ordering::SeqCst), 2, "on purpose");
            Duration::from_millis(1)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_continues_after_a_panic_and_ends_with_its_group() {
        let (worker, group, steps) = (worker(), TaskGroup::default(), Arc::new(AtomicUsize::new(0)));
        group.repeat(&worker, Duration::from_secs(60), Count(Arc::clone(&steps)));
        tokio::time::sleep(Duration::from_secs(59)).await;
        assert_eq!(steps.load(Ordering::SeqCst), 0, "the first step comes after the first pause");
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert!(steps.load(Ordering::SeqCst) > 3);
        assert_eq!(worker.panics.get(), 1);
        group.stop().await;
        let at_stop = steps.load(Ordering::SeqCst);
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(steps.load(Ordering::SeqCst), at_stop);
    }
}
