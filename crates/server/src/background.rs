//! The work that nobody waits for: erasures that are not finished, and maintenance.
//!
//! Every instance does it; the database's locks keep them apart. Nothing depends on its being done by this one, nor at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::rt::task::JoinHandle;
use domain::account::{ErasureService, ErasureStep, RandomSource};
use domain::id::UserId;
use domain::maintenance::{MaintenanceService, MaintenanceTask, Retention};
use infra::db::{Db, DbSettings};
use infra::postgres::{PgErasureRepository, PgMaintenanceRepository};
use infra::random::SystemRandom;
use tokio::sync::watch;

use crate::config::Settings;

/// How often is looked for erasures while there are none.
const LOOK: Duration = Duration::from_secs(2);
/// How often the house is kept.
const ROUND: Duration = Duration::from_secs(60);
/// How long what failed is left alone.
const AFTER_A_FAULT: Duration = Duration::from_secs(2);
/// The shortest and the longest pause between two steps.
const PAUSE: (Duration, Duration) = (Duration::from_millis(2), Duration::from_secs(1));

/// What is to be done.
pub struct Background {
    /// The work on erasures.
    pub erasures: ErasureService,
    /// The work of maintenance.
    pub maintenance: MaintenanceService,
    /// Keeps instances that were started together from working together.
    pub random: Arc<dyn RandomSource>,
}

/// The work, going on until it is stopped.
pub struct Running {
    stop: watch::Sender<bool>,
    tasks: [JoinHandle<()>; 2],
}

impl Background {
    /// Wires the work. It has a connection of its own, so that it takes none away from requests.
    ///
    /// # Errors
    /// When the system starts no more threads.
    pub fn wire(settings: &Settings, database_url: &str) -> std::io::Result<Self> {
        let url = database_url.to_owned();
        let db = Arc::new(Db::new(&DbSettings { url, connections: 1, reserved: 0, queue: 16 })?);
        let maintenance = Arc::new(PgMaintenanceRepository::new(Arc::clone(&db)));
        Ok(Self {
            erasures: ErasureService::new(Arc::new(PgErasureRepository::new(db))),
            maintenance: MaintenanceService::new(maintenance, Retention::of(settings.signing.lifetimes)),
            random: Arc::new(SystemRandom),
        })
    }

    /// Starts the work on the runtime of the caller.
    #[must_use]
    pub fn start(self) -> Running {
        let (stop, stopped) = watch::channel(false);
        let work = Arc::new(self);
        let erasures = Worker { work: Arc::clone(&work), stopped: stopped.clone() };
        let maintenance = Worker { work, stopped };
        let tasks = [actix_web::rt::spawn(erasures.erase()), actix_web::rt::spawn(maintenance.keep_house())];
        Running { stop, tasks }
    }
}

impl Running {
    /// Waits for the step that is being done, and does no other.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        for task in self.tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "the work in the background failed");
            }
        }
    }
}

/// One kind of work, until it is stopped.
struct Worker {
    work: Arc<Background>,
    stopped: watch::Receiver<bool>,
}

impl Worker {
    /// Pauses. Is false when the work is over.
    async fn pause(&mut self, pause: Duration) -> bool {
        tokio::select! {
            // A sender that was dropped means the same as one that says so.
            _ = self.stopped.wait_for(|stopped| *stopped) => false,
            () = tokio::time::sleep(pause) => true,
        }
    }

    /// About `time`: between one half and three halves of it.
    fn about(&self, time: Duration) -> Duration {
        let byte = self.work.random.bytes().map_or(128, |bytes| bytes.first().copied().unwrap_or(128));
        time.mul_f64(0.5 + f64::from(byte) / 256.0)
    }

    async fn erase(mut self) {
        let (mut after, mut pause) = (None, self.about(LOOK));
        while self.pause(pause).await {
            (after, pause) = self.erase_a_little(after).await;
        }
    }

    /// One step of one erasure: where to go on and how long to pause before. A pause is as long as the step was, so that half
    /// of a connection's time at the most goes into it.
    async fn erase_a_little(&self, after: Option<UserId>) -> (Option<UserId>, Duration) {
        let begun = Instant::now();
        let advance = match self.work.erasures.advance(after).await {
            Ok(Some(advance)) => advance,
            Ok(None) => return (None, self.about(LOOK)),
            Err(error) => {
                tracing::warn!(%error, "erasures cannot be looked for");
                return (after, self.about(AFTER_A_FAULT));
            }
        };
        let user = advance.user;
        let pause = match advance.step {
            Ok(ErasureStep::More) => begun.elapsed().clamp(PAUSE.0, PAUSE.1),
            Ok(ErasureStep::Finished) => {
                tracing::info!(%user, "an account is erased");
                PAUSE.0
            }
            Ok(ErasureStep::Elsewhere) => self.about(PAUSE.1),
            Err(error) => {
                tracing::warn!(%user, error = &error as &dyn std::error::Error, "a step of an erasure failed");
                self.about(AFTER_A_FAULT)
            }
        };
        (Some(user), pause)
    }

    async fn keep_house(mut self) {
        while self.pause(self.about(ROUND)).await {
            for task in MaintenanceTask::ALL {
                if !self.sweep(task).await {
                    return;
                }
            }
        }
    }

    /// Does a task, batch by batch. Is false when the work is over.
    async fn sweep(&mut self, task: MaintenanceTask) -> bool {
        let mut rows = 0;
        loop {
            let begun = Instant::now();
            match self.work.maintenance.sweep(task).await {
                Ok(swept) => {
                    rows += swept.rows;
                    if !swept.more {
                        tracing::debug!(?task, rows, "maintenance");
                        return true;
                    }
                }
                Err(error) => {
                    tracing::warn!(?task, error = &error as &dyn std::error::Error, "maintenance failed");
                    return true;
                }
            }
            if !self.pause(begun.elapsed().clamp(PAUSE.0, PAUSE.1)).await {
                return false;
            }
        }
    }
}
