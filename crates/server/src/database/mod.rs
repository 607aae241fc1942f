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
/// How long it is waited for at a time.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);

/// The ground, and the own cluster if there is one. The cluster is stopped by [`Foundation::stop`].
pub struct Foundation {
    /// What the application is built on.
    pub ground: Ground,
    /// Where the data is, for people.
    pub place: String,
    own: Option<Supervisor>,
}

impl Foundation {
    /// Starts or finds the database and brings its schema up to date. `watch` is told of it.
    ///
    /// # Errors
    /// When there is no PostgreSQL to start, none to reach, or a migration fails.
    pub fn lay(settings: &Settings, watch: &mut dyn MigrationWatch) -> anyhow::Result<Self> {
        let foundation = match &settings.database {
            DatabaseSettings::Given(url) => Self::given(settings, url.expose_secret())?,
            DatabaseSettings::Own => Self::own(settings)?,
        };
        let applied = migrate(&foundation.ground.database_url, settings.start, watch)?;
        if !applied.is_empty() {
            tracing::info!(migrations = applied.len(), "the schema was brought up to date");
        }
        Ok(foundation)
    }

    fn given(settings: &Settings, url: &str) -> anyhow::Result<Self> {
        let secret = settings.signing.secret.clone().context("HONGYAN_JWT_SECRET must be set")?;
        let ground = Ground { database_url: url.to_owned(), secret };
        Ok(Self { ground, place: "the database of DATABASE_URL".to_owned(), own: None })
    }

    fn own(settings: &Settings) -> anyhow::Result<Self> {
        make_data_folder(settings)?;
        let secret = match &settings.signing.secret {
            Some(secret) => secret.clone(),
            None => secret::load_or_make(&settings.data_dir)?,
        };
        let cluster = Cluster::start(&Installation::find()?, cluster_options(settings))?;
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

fn make_data_folder(settings: &Settings) -> anyhow::Result<()> {
    std::fs::create_dir_all(&settings.data_dir)
        .with_context(|| format!("HONGYAN_DATA_DIR: {} cannot be made", settings.data_dir.display()))
}

fn cluster_options(settings: &Settings) -> ClusterOptions {
    ClusterOptions {
        data_dir: settings.data_dir.join("postgres"),
        durable: true,
        settings: tuning::cluster_settings(tuning::memory()),
    }
}

/// The database for a command that does its work and ends. An own cluster is left as it was found, running or not.
pub struct Visit {
    url: String,
    /// Stopped when it is dropped, if it did not run before.
    _cluster: Option<Cluster>,
}

impl Visit {
    /// Reaches the database. None if it would be an own one that was never made.
    ///
    /// # Errors
    /// When there is no PostgreSQL to start.
    pub fn pay(settings: &Settings) -> anyhow::Result<Option<Self>> {
        if let DatabaseSettings::Given(url) = &settings.database {
            return Ok(Some(Self { url: url.expose_secret().to_owned(), _cluster: None }));
        }
        let cluster = Cluster::visit(&Installation::find()?, &cluster_options(settings))?;
        cluster.map(Self::in_the_own).transpose()
    }

    /// Reaches the database, and makes an own one if there is none.
    ///
    /// # Errors
    /// When there is no PostgreSQL to start.
    pub fn pay_or_make(settings: &Settings) -> anyhow::Result<Self> {
        if let Some(visit) = Self::pay(settings)? {
            return Ok(visit);
        }
        make_data_folder(settings)?;
        Self::in_the_own(Cluster::start(&Installation::find()?, cluster_options(settings))?)
    }

    fn in_the_own(cluster: Cluster) -> anyhow::Result<Self> {
        cluster.ensure_database(DATABASE)?;
        Ok(Self { url: cluster.url(DATABASE), _cluster: Some(cluster) })
    }

    /// How libpq reaches it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// Follows the database's being brought up to date.
pub trait MigrationWatch {
    /// The database is away, and is going to be waited for.
    ///
    /// # Errors
    /// When it is not to be waited for.
    fn is_away(&mut self) -> anyhow::Result<()> {
        Ok(())
    }

    /// So far it has come.
    fn comes_on(&mut self, _progress: migrations::Progress) {}
}

/// Nobody follows it.
pub struct Unwatched;

impl MigrationWatch for Unwatched {}

/// Brings the schema up to date and tells what was applied. The database may be away for `patience`, and another instance may
/// migrate for a while.
///
/// # Errors
/// When it stays away, or a migration fails; or when `watch` will not have it waited for.
pub fn migrate(url: &str, patience: Duration, watch: &mut dyn MigrationWatch) -> anyhow::Result<Vec<String>> {
    let begun = Instant::now();
    let mut pause = Duration::from_millis(100);
    loop {
        let error =
            match migrations::run_watched(url, LOCK_PATIENCE, &mut |progress| watch.comes_on(progress)) {
                Ok(applied) => return Ok(applied),
                Err(error) => error,
            };
        match &error {
            MigrationError::Connect(_) if begun.elapsed() < patience => {
                tracing::warn!(%error, "waiting for the database");
                watch.is_away()?;
                std::thread::sleep(pause);
                pause = (pause * 2).min(Duration::from_secs(2));
            }
            MigrationError::Locked(_) if begun.elapsed() < MIGRATION_PATIENCE => {
                // Meanwhile others may be serving: a proxy that finds no door here goes to them, and would pass a 503 on.
                tracing::warn!("waiting for another instance that migrates");
            }
            _ => return Err(error).context("the database cannot be used"),
        }
    }
}
