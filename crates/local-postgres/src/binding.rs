//! The file that a cluster is bound to, as a command checks it before it touches anything.

use std::path::Path;

use crate::cluster::Cluster;
use crate::error::Error;
use crate::note::ClusterNote;
use crate::owner::Owner;
use crate::paths::ClusterPaths;

impl Cluster {
    /// Checks that a file belongs to the cluster of a data folder. Changes nothing. A cluster that no file is bound to accepts any.
    ///
    /// # Errors
    /// [`Error::ForeignCompanion`], and as [`Cluster::state`].
    pub fn check_companion(data_dir: &Path, companion: &Path, fingerprint: &str) -> Result<(), Error> {
        let Some(paths) = ClusterPaths::find(data_dir, Owner::find()?)? else { return Ok(()) };
        let note = ClusterNote::read(&paths.requested)?;
        match note.and_then(|note| note.companion) {
            Some(known) if known != fingerprint => Err(Error::ForeignCompanion {
                companion: companion.to_owned(),
                home: paths.home,
                note: ClusterNote::path(&paths.requested),
            }),
            _ => Ok(()),
        }
    }
}
