//! Access to the database for a command that does its work and exits.

use local_postgres::{Cluster, Installation};

use super::{DATABASE, check_data_dir, cluster_options, create_data_dir};
use crate::config::{DatabaseSettings, DatabaseUrl, Settings};

/// An open database. An embedded cluster is left as it was found, running or not, when this value is dropped.
pub struct DatabaseAccess {
    url: DatabaseUrl,
    /// Stopped on drop, if it was not running before.
    _cluster: Option<Cluster>,
}

impl DatabaseAccess {
    /// Opens the database; `None` if it is an embedded one that was never created.
    ///
    /// # Errors
    /// When no PostgreSQL is installed, or the cluster does not start.
    pub fn open(settings: &Settings) -> anyhow::Result<Option<Self>> {
        if let DatabaseSettings::Existing(url) = &settings.database {
            return Ok(Some(Self { url: url.clone(), _cluster: None }));
        }
        check_data_dir(settings)?;
        let cluster = Cluster::attach(&Installation::find()?, &cluster_options(settings))?;
        cluster.map(Self::embedded).transpose()
    }

    /// Opens the database, and creates an embedded one if it does not exist.
    ///
    /// # Errors
    /// When no PostgreSQL is installed, or the cluster does not start.
    pub fn open_or_create(settings: &Settings) -> anyhow::Result<Self> {
        if let Some(access) = Self::open(settings)? {
            return Ok(access);
        }
        create_data_dir(settings)?;
        Self::embedded(Cluster::start(&Installation::find()?, cluster_options(settings))?)
    }

    fn embedded(cluster: Cluster) -> anyhow::Result<Self> {
        cluster.ensure_served_database(DATABASE)?;
        Ok(Self { url: DatabaseUrl::parse(&cluster.served_url(DATABASE))?, _cluster: Some(cluster) })
    }

    /// The database's URL.
    #[must_use]
    pub const fn url(&self) -> &DatabaseUrl {
        &self.url
    }
}
