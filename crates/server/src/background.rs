//! Background tasks of an instance: maintenance, and the erasure of accounts.
//!
//! Every instance runs them, and the database's locks keep instances from the same work. No request waits for them, and no
//! result depends on which instance does the work, or when.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::account::{ErasureProgress, ErasureService, ErasureStep, RandomSource};
use domain::id::UserId;
use domain::maintenance::{MaintenanceService, MaintenanceTask, Retention};
use infra::crypto::random::SystemRandom;
use infra::db::{Connector, Db, DbSettings, Patience};
use infra::metrics::Collectors;
use infra::postgres::{PgErasureRepository, PgMaintenanceRepository, StoredRows};
use infra::runtime::task_group::{TaskGroup, TaskStep};
use infra::runtime::worker::Worker;

use crate::config::Settings;

/// Interval at which an idle instance looks for new erasures.
const ERASURE_POLL: Duration = Duration::from_secs(2);
/// Interval between two estimates of the stored rows.
const STATISTICS_INTERVAL: Duration = Duration::from_secs(60);
/// Interval between two maintenance runs.
const MAINTENANCE_INTERVAL: Duration = Duration::from_secs(60);
/// Pause after an error.
const PAUSE_AFTER_ERROR: Duration = Duration::from_secs(2);
/// Shortest pause between two steps.
const MIN_PAUSE: Duration = Duration::from_millis(2);
/// Longest pause between two steps.
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// The background tasks, wired but not running.
pub struct Background {
    erasures: (Worker, ErasureTask),
    maintenance: (Worker, MaintenanceRun),
    statistics: (Worker, StatisticsTask),
}

impl Background {
    /// Wires the tasks. They have a connection of their own, so that they take none from requests.
    ///
    /// # Errors
    /// When the system cannot start another thread.
    pub fn wire(settings: &Settings, database_url: &str, connector: &Connector) -> std::io::Result<Self> {
        let url = database_url.to_owned();
        let pool = DbSettings { url, connections: 1, reserved: 0, queue: 16, patience: Patience::BACKGROUND };
        let db = Arc::new(Db::with_connector(&pool, connector)?);
        let maintenance = Arc::new(PgMaintenanceRepository::new(Arc::clone(&db)));
        let retention = Retention::of(settings.signing.lifetimes);
        let maintenance = MaintenanceService::new(maintenance, retention);
        let rows = StoredRows::new(Arc::clone(&db))?;
        let erasures = ErasureService::new(Arc::new(PgErasureRepository::new(db)));
        let jitter = || Jitter(Arc::new(SystemRandom));
        Ok(Self {
            erasures: (Worker::new("erasure")?, ErasureTask { erasures, jitter: jitter(), after: None }),
            maintenance: (Worker::new("maintenance")?, MaintenanceRun::new(maintenance, jitter())),
            statistics: (Worker::new("statistics")?, StatisticsTask { rows, jitter: jitter() }),
        })
    }

    /// Metrics of the workers, and what they estimate.
    ///
    /// # Errors
    /// When a metric's name is invalid.
    pub fn collectors(&self) -> std::io::Result<Collectors> {
        let mut collectors = self.erasures.0.collectors()?;
        collectors.extend(self.maintenance.0.collectors()?);
        collectors.extend(self.statistics.0.collectors()?);
        collectors.extend(self.statistics.1.rows.collectors());
        Ok(collectors)
    }

    /// Starts the tasks on the caller's runtime. They run until the returned group is stopped.
    #[must_use]
    pub fn start(self) -> TaskGroup {
        let tasks = TaskGroup::default();
        let (worker, erasures) = self.erasures;
        tasks.repeat(&worker, erasures.jitter.about(ERASURE_POLL), erasures);
        let (worker, maintenance) = self.maintenance;
        tasks.repeat(&worker, maintenance.jitter.about(MAINTENANCE_INTERVAL), maintenance);
        let (worker, statistics) = self.statistics;
        tasks.repeat(&worker, Duration::ZERO, statistics);
        tasks
    }
}

/// Spreads pauses, so that instances that started together do not work in step.
struct Jitter(Arc<dyn RandomSource>);

impl Jitter {
    /// A random duration between one half and three halves of `time`.
    fn about(&self, time: Duration) -> Duration {
        let byte = self.0.bytes().map_or(128, |bytes| bytes.first().copied().unwrap_or(128));
        time.mul_f64(0.5 + f64::from(byte) / 256.0)
    }
}

/// As long as the step before it took, so that the steps use at most half of a connection's time.
fn pause_after_step(started: Instant) -> Duration {
    started.elapsed().clamp(MIN_PAUSE, MAX_PAUSE)
}

/// Advances the pending erasures in turns.
struct ErasureTask {
    erasures: ErasureService,
    jitter: Jitter,
    /// The account of the last step; the next step is on the one after it.
    after: Option<UserId>,
}

impl TaskStep for ErasureTask {
    async fn step(&mut self) -> Duration {
        let started = Instant::now();
        match self.erasures.advance(self.after).await {
            Ok(Some(progress)) => {
                self.after = Some(progress.user);
                self.pause_after(&progress, started)
            }
            Ok(None) => {
                self.after = None;
                self.jitter.about(ERASURE_POLL)
            }
            Err(error) => {
                tracing::warn!(%error, "cannot look for pending erasures");
                self.jitter.about(PAUSE_AFTER_ERROR)
            }
        }
    }
}

impl ErasureTask {
    fn pause_after(&self, progress: &ErasureProgress, started: Instant) -> Duration {
        let user = progress.user;
        match &progress.step {
            Ok(ErasureStep::More) => pause_after_step(started),
            Ok(ErasureStep::Finished) => {
                tracing::info!(%user, "account erased");
                MIN_PAUSE
            }
            Ok(ErasureStep::Elsewhere) => self.jitter.about(MAX_PAUSE),
            Err(error) => {
                tracing::warn!(%user, error = error as &dyn std::error::Error, "erasure step failed");
                self.jitter.about(PAUSE_AFTER_ERROR)
            }
        }
    }
}

/// Runs all maintenance tasks, batch by batch, once per interval.
struct MaintenanceRun {
    maintenance: MaintenanceService,
    jitter: Jitter,
    /// The tasks that are left of this run.
    left: VecDeque<MaintenanceTask>,
    /// Rows that the first of them has changed so far.
    rows: usize,
}

impl MaintenanceRun {
    const fn new(maintenance: MaintenanceService, jitter: Jitter) -> Self {
        Self { maintenance, jitter, left: VecDeque::new(), rows: 0 }
    }
}

impl TaskStep for MaintenanceRun {
    async fn step(&mut self) -> Duration {
        if self.left.is_empty() {
            self.left.extend(MaintenanceTask::ALL);
        }
        if let Some(task) = self.left.pop_front() {
            let (started, rows) = (Instant::now(), std::mem::take(&mut self.rows));
            match self.maintenance.sweep(task).await {
                Ok(result) if result.more => {
                    self.rows = rows + result.rows;
                    self.left.push_front(task);
                    return pause_after_step(started);
                }
                Ok(result) => tracing::debug!(?task, rows = rows + result.rows, "maintenance task done"),
                Err(error) => {
                    tracing::warn!(
                        kind = ?task,
                        error = &error as &dyn std::error::Error,
                        "maintenance task failed"
                    );
                }
            }
        }
        if self.left.is_empty() { self.jitter.about(MAINTENANCE_INTERVAL) } else { Duration::ZERO }
    }
}

/// Estimates the stored rows for the metrics.
struct StatisticsTask {
    rows: StoredRows,
    jitter: Jitter,
}

impl TaskStep for StatisticsTask {
    async fn step(&mut self) -> Duration {
        if let Err(error) = self.rows.refresh().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "cannot estimate the stored rows");
        }
        self.jitter.about(STATISTICS_INTERVAL)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use domain::account::MockErasureRepository;
    use domain::auth::TokenLifetimes;
    use domain::error::PortError;
    use domain::maintenance::{MockMaintenanceRepository, SweepResult};
    use domain::testing::user;

    use super::*;

    /// Makes every jittered pause as long as its base.
    struct MiddleByte;

    impl RandomSource for MiddleByte {
        fn bytes(&self) -> Result<[u8; 16], PortError> {
            Ok([128; 16])
        }
    }

    fn fault() -> PortError {
        PortError::internal("on purpose")
    }

    fn jitter() -> Jitter {
        Jitter(Arc::new(MiddleByte))
    }

    fn steps(task: &mut impl TaskStep, count: usize) -> Vec<Duration> {
        actix_web::rt::System::new().block_on(async {
            let mut pauses = Vec::new();
            for _ in 0..count {
                pauses.push(task.step().await);
            }
            pauses
        })
    }

    #[test]
    fn a_maintenance_run_does_every_task_to_its_end_and_survives_failures() {
        let swept = Arc::new(Mutex::new(Vec::new()));
        let mut repository = MockMaintenanceRepository::new();
        let log = Arc::clone(&swept);
        repository.expect_sweep().returning(move |task, _| {
            let mut log = log.lock().unwrap();
            log.push(task);
            match log.len() {
                // The first task needs two batches, the second one fails.
                1 => Ok(SweepResult { rows: 10, more: true }),
                3 => Err(fault()),
                _ => Ok(SweepResult { rows: 1, more: false }),
            }
        });
        let second = Duration::from_secs(1);
        let lifetimes =
            TokenLifetimes { access: second, refresh: second, session_max: second, reuse_grace: second };
        let service = MaintenanceService::new(Arc::new(repository), Retention::of(lifetimes));
        let pauses = steps(&mut MaintenanceRun::new(service, jitter()), MaintenanceTask::ALL.len() + 1);
        let swept = swept.lock().unwrap();
        assert_eq!(swept[1..], MaintenanceTask::ALL, "the first task ran twice: {swept:?}");
        assert!((MIN_PAUSE..=MAX_PAUSE).contains(&pauses[0]), "a pause follows a batch: {pauses:?}");
        let (last, between) = pauses[1..].split_last().unwrap();
        assert!(between.iter().all(Duration::is_zero), "{pauses:?}");
        assert_eq!(*last, MAINTENANCE_INTERVAL);
    }

    #[test]
    fn erasures_pause_briefly_after_a_step_and_longer_when_there_is_none() {
        let mut repository = MockErasureRepository::new();
        let mut pending = vec![Err(fault()), Ok(None), Ok(Some(user(1))), Ok(Some(user(1)))];
        repository.expect_pending().returning(move |_| pending.pop().unwrap());
        let mut done = vec![Ok(ErasureStep::Finished), Err(fault())];
        repository.expect_step().returning(move |_| done.pop().unwrap());
        let erasures = ErasureService::new(Arc::new(repository));
        let mut task = ErasureTask { erasures, jitter: jitter(), after: None };
        assert_eq!(steps(&mut task, 2), [PAUSE_AFTER_ERROR, MIN_PAUSE]);
        task.after = None;
        assert_eq!(steps(&mut task, 2), [ERASURE_POLL, PAUSE_AFTER_ERROR]);
    }
}
