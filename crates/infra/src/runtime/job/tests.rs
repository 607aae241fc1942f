use std::sync::mpsc;

use super::super::thread_pool::{JobClass, PoolSize, ThreadPool};
use super::super::watchdog::Watchdog;
use super::super::watched_thread::{StallLimits, StatementKind, begin_statement};
use super::super::worker::Worker;
use super::*;

const NEVER: Duration = Duration::from_secs(600);

/// Threads whose statements may take a fifth of a second.
fn pool(name: &'static str, watchdog: &Watchdog, result_while_stalled: Duration) -> ThreadPool {
    let limit = Duration::from_millis(200);
    let stalls = StallLimits { alone: limit, in_transaction: limit, commit: limit };
    let limits = JobLimits { thread: Duration::from_millis(10), result: NEVER, result_while_stalled };
    let (worker, size) = (Worker::watched(name, watchdog, stalls).unwrap(), PoolSize::of_one_class(1, 1));
    ThreadPool::start(name, worker, size, limits, || ()).unwrap()
}

/// Runs a job that begins a statement, if there is one, and ends only with the returned value.
async fn run(
    pool: &ThreadPool,
    statement: Option<StatementKind>,
) -> (Result<(), JobError>, mpsc::Sender<()>) {
    let (end, wait) = mpsc::channel::<()>();
    let job = move || {
        if let Some(kind) = statement {
            begin_statement(kind);
        }
        let _ = wait.recv();
    };
    (pool.run(JobClass::Read, job).await, end)
}

#[tokio::test]
async fn the_caller_of_a_job_that_stands_still_has_its_answer_at_once() {
    let watchdog = Watchdog::start();
    let pool = pool("stalled", &watchdog, NEVER);
    let (result, _end) = run(&pool, Some(StatementKind::Commit)).await;
    assert_eq!(result, Err(JobError::Overdue("stalled")));
}

#[tokio::test]
async fn a_caller_waits_less_from_the_moment_when_other_work_stands_still() {
    let watchdog = Watchdog::start();
    let (slow, stalled) =
        (pool("slow", &watchdog, Duration::from_millis(20)), pool("stalled", &watchdog, NEVER));
    let ((waited, _end), _) = tokio::join!(run(&slow, None), run(&stalled, Some(StatementKind::Alone)));
    assert_eq!(waited, Err(JobError::Overdue("slow")));
}
