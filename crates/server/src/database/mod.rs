//! The database that a server or a command works on: the configured one, or an embedded cluster in the data directory.

mod access;
mod migration;
mod tuning;

use std::os::unix::fs::PermissionsExt;

use anyhow::Context;
use local_postgres::{Cluster, ClusterOptions, ClusterState, Installation, Supervisor};
use secrecy::SecretString;

pub use access::DatabaseAccess;
pub use migration::{MigrationWatch, Unwatched, migrate};

use crate::config::{DatabaseSettings, Settings};
use crate::secret;
use crate::wiring::RuntimeEnv;

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
        check_data_dir(settings)?;
        create_data_dir(settings)?;
        let cluster = Cluster::start(&Installation::find()?, cluster_options(settings))?;
        let secret = embedded_secret(settings, &cluster)?;
        cluster.ensure_served_database(DATABASE)?;
        let location = cluster.data_dir().display().to_string();
        if cluster.relocated() {
            let requested = settings.data_dir.display();
            tracing::warn!(%requested, %location, "data directory unreachable for the user postgres: cluster is elsewhere");
        }
        let env = RuntimeEnv { database_url: cluster.served_url(DATABASE), secret };
        Ok(Self { env, location, cluster: Some(Supervisor::start(cluster)) })
    }

    /// Stops an embedded cluster. A configured database is left alone.
    pub fn stop(self) {
        if let Some(cluster) = self.cluster {
            cluster.stop();
        }
    }
}

/// Checks that the cluster and the generated secret in the data directory belong together, before anything is created: one
/// of them without the other means that files were lost.
fn check_data_dir(settings: &Settings) -> anyhow::Result<()> {
    let state = Cluster::state(&cluster_options(settings).data_dir)?;
    if settings.signing.secret.is_some() {
        return Ok(());
    }
    let file = secret::path(&settings.data_dir);
    let path = file.display();
    match (state, secret::load(&settings.data_dir)?) {
        (ClusterState::Bound, Some(secret)) => {
            let folder = cluster_options(settings).data_dir;
            Ok(Cluster::check_companion(&folder, &file, &secret::fingerprint(&secret))?)
        }
        (ClusterState::Bound, None) => anyhow::bail!(
            "{path} is missing, and the cluster in {} was used with it: put it back, or set HONGYAN_JWT_SECRET (every session \
             ends then)",
            settings.data_dir.display()
        ),
        (ClusterState::Absent, Some(_)) => anyhow::bail!(
            "{path} is there, but the cluster that it was created for is not: put {} back, or remove {path} to begin with an \
             empty cluster",
            settings.data_dir.join("postgres").display()
        ),
        _ => Ok(()),
    }
}

/// The configured secret, or the one in the data directory, which is bound to the cluster.
fn embedded_secret(settings: &Settings, cluster: &Cluster) -> anyhow::Result<SecretString> {
    if let Some(secret) = &settings.signing.secret {
        return Ok(secret.clone());
    }
    let secret = match secret::load(&settings.data_dir)? {
        Some(secret) => secret,
        None => secret::create(&settings.data_dir)?,
    };
    cluster.bind(&secret::path(&settings.data_dir), &secret::fingerprint(&secret))?;
    Ok(secret)
}

/// Creates the data directory, whatever the umask. Only its owner may list or write it; as root, the user `postgres` must be
/// able to pass through it.
fn create_data_dir(settings: &Settings) -> anyhow::Result<()> {
    let folder = &settings.data_dir;
    if folder.exists() {
        return Ok(());
    }
    let create = || -> std::io::Result<()> {
        if let Some(parent) = folder.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::create_dir(folder)?;
        let mode = if rustix::process::geteuid().is_root() { 0o711 } else { 0o700 };
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(mode))
    };
    create().with_context(|| format!("HONGYAN_DATA_DIR: {} cannot be created", folder.display()))
}

fn cluster_options(settings: &Settings) -> ClusterOptions {
    ClusterOptions {
        data_dir: settings.data_dir.join("postgres"),
        durable: true,
        settings: tuning::cluster_settings(tuning::memory()),
    }
}
