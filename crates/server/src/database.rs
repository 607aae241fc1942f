//! The database that the server stands on: one that is given, or one of its own.

use std::time::{Duration, Instant};

use anyhow::Context;
use infra::migrations::{self, MigrationError};
use local_postgres::{Cluster, ClusterOptions, Installation, Supervisor};
use secrecy::ExposeSecret;

use crate::app::Ground;
use crate::config::{DatabaseSettings, Settings};
use crate::{secret, tuning};

/// The name of the database in the own cluster.
const DATABASE: &str = "hongyan";
/// How long another instance may migrate.
const MIGRATION_PATIENCE: Duration = Duration::from_secs(600);
/// How long a given database may be away at the start.
const START_PATIENCE: Duration = Duration::from_secs(30);

/// The ground, and the own cluster if there is one. The cluster is stopped by [`Foundation::stop`].
pub struct Foundation {
    /// What the application is built on.
    pub ground: Ground,
    /// Where the data is, for people.
    pub place: String,
    own: Option<Supervisor>,
}

impl Foundation {
    /// Starts or finds the database and brings its schema up to date.
    ///
    /// # Errors
    /// When there is no PostgreSQL to start, none to reach, or a migration fails.
    pub fn lay(settings: &Settings) -> anyhow::Result<Self> {
        let foundation = match &settings.database {
            DatabaseSettings::Given(url) => Self::given(settings, url.expose_secret())?,
            DatabaseSettings::Own => Self::own(settings)?,
        };
        migrate(&foundation.ground.database_url)?;
        Ok(foundation)
    }

    fn given(settings: &Settings, url: &str) -> anyhow::Result<Self> {
        let secret = settings.signing.secret.clone().context("HONGYAN_JWT_SECRET must be set")?;
        let ground = Ground { database_url: url.to_owned(), secret };
        Ok(Self { ground, place: "the database of DATABASE_URL".to_owned(), own: None })
    }

    fn own(settings: &Settings) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&settings.data_dir)
            .with_context(|| format!("HONGYAN_DATA_DIR: {} cannot be made", settings.data_dir.display()))?;
        let secret = match &settings.signing.secret {
            Some(secret) => secret.clone(),
            None => secret::load_or_make(&settings.data_dir)?,
        };
        let options = ClusterOptions {
            data_dir: settings.data_dir.join("postgres"),
            durable: true,
            settings: tuning::cluster_settings(tuning::memory()),
        };
        let cluster = Cluster::start(&Installation::find()?, options)?;
        cluster.ensure_database(DATABASE)?;
        let place = cluster.data_dir().display().to_string();
        if cluster.relocated() {
            let wanted = settings.data_dir.display();
            tracing::warn!(%wanted, %place, "the user postgres cannot reach the data folder; the cluster lies elsewhere");
        }
        let database_url = cluster.url(DATABASE);
        Ok(Self { ground: Ground { database_url, secret }, place, own: Some(cluster.supervise()) })
    }

    /// Stops the own cluster; a given database is left alone.
    pub fn stop(self) {
        if let Some(cluster) = self.own {
            cluster.stop();
        }
    }
}

fn migrate(url: &str) -> anyhow::Result<()> {
    let deadline = Instant::now() + START_PATIENCE;
    let mut pause = Duration::from_millis(100);
    loop {
        match migrations::run(url, MIGRATION_PATIENCE) {
            Ok(applied) => {
                if !applied.is_empty() {
                    tracing::info!(migrations = applied.len(), "the schema was brought up to date");
                }
                return Ok(());
            }
            Err(error @ MigrationError::Connect(_)) if Instant::now() < deadline => {
                tracing::warn!(%error, "waiting for the database");
                std::thread::sleep(pause);
                pause = (pause * 2).min(Duration::from_secs(2));
            }
            Err(error) => return Err(error).context("the database cannot be used"),
        }
    }
}
