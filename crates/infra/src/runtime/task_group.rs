//! Background tasks: workers that run as async tasks, step by step, and stop together.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::worker::Worker;

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

    use super::*;

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
        let (worker, group, steps) =
            (Worker::new("test").unwrap(), TaskGroup::default(), Arc::new(AtomicUsize::new(0)));
        group.repeat(&worker, Duration::from_secs(60), Count(Arc::clone(&steps)));
        tokio::time::sleep(Duration::from_secs(59)).await;
        assert_eq!(steps.load(Ordering::SeqCst), 0, "the first step comes after the first pause");
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert!(steps.load(Ordering::SeqCst) > 3);
        let collectors = worker.collectors().unwrap();
        assert_eq!(collectors[0].collect()[0].get_metric()[0].get_counter().get_value().to_string(), "1");
        group.stop().await;
        let at_stop = steps.load(Ordering::SeqCst);
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(steps.load(Ordering::SeqCst), at_stop);
    }
}
