//! The database that a server or a command works on: the configured one, or an embedded cluster in the data directory.

mod access;
mod migration;
mod tuning;

use anyhow::Context;
use local_postgres::{Cluster, ClusterOptions, Installation, Supervisor};

pub use access::DatabaseAccess;
pub use migration::{MigrationWatch, Unwatched, migrate};

use crate::app::RuntimeEnv;
use crate::config::{DatabaseSettings, Settings};
use crate::secret;

/// The name of the database in the embedded cluster.
const DATABASE: &str = "hongyan";

/// A database that is ready for the server: reachable and migrated. [`Database::stop`] stops an embedded cluster.
pub struct Database {
    /// The URL and the signing secret that the application is built with.
    pub env: RuntimeEnv,
    /// Where the data is, for the banner.
    pub location: String,
    cluster: Option<Supervisor>,
}

impl Database {
    /// Starts or reaches the database and applies pending migrations. Reports to `watch` meanwhile.
    ///
    /// # Errors
    /// When no PostgreSQL is installed, the database stays unreachable, or a migration fails.
    pub fn prepare(settings: &Settings, watch: &mut dyn MigrationWatch) -> anyhow::Result<Self> {
        let database = match &settings.database {
            DatabaseSettings::Existing(url) => Self::configured(settings, url.expose())?,
            DatabaseSettings::Embedded => Self::embedded(settings)?,
        };
        let applied = migrate(&database.env.database_url, settings.start, watch)?;
        if !applied.is_empty() {
            tracing::info!(migrations = applied.len(), "schema migrated");
        }
        Ok(database)
    }

    fn configured(settings: &Settings, url: &str) -> anyhow::Result<Self> {
        let secret = settings.signing.secret.clone().context("HONGYAN_JWT_SECRET must be set")?;
        let env = RuntimeEnv { database_url: url.to_owned(), secret };
        Ok(Self { env, location: "the database of DATABASE_URL".to_owned(), cluster: None })
    }

    fn embedded(settings: &Settings) -> anyhow::Result<Self> {
        create_data_dir(settings)?;
        let secret = match &settings.signing.secret {
            Some(secret) => secret.clone(),
            None => secret::load_or_create(&settings.data_dir)?,
        };
        let cluster = Cluster::start(&Installation::find()?, cluster_options(settings))?;
        cluster.ensure_database(DATABASE)?;
        let location = cluster.data_dir().display().to_string();
        if cluster.relocated() {
            let requested = settings.data_dir.display();
            tracing::warn!(%requested, %location, "data directory unreachable for the user postgres: cluster is elsewhere");
        }
        let env = RuntimeEnv { database_url: cluster.url(DATABASE), secret };
        Ok(Self { env, location, cluster: Some(Supervisor::start(cluster)) })
    }

    /// Stops an embedded cluster. A configured database is left alone.
    pub fn stop(self) {
        if let Some(cluster) = self.cluster {
            cluster.stop();
        }
    }
}

fn create_data_dir(settings: &Settings) -> anyhow::Result<()> {
    std::fs::create_dir_all(&settings.data_dir)
        .with_context(|| format!("HONGYAN_DATA_DIR: {} cannot be created", settings.data_dir.display()))
}

fn cluster_options(settings: &Settings) -> ClusterOptions {
    ClusterOptions {
        data_dir: settings.data_dir.join("postgres"),
        durable: true,
        settings: tuning::cluster_settings(tuning::memory()),
    }
}
