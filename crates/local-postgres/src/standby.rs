//! Streaming replication: a cluster that begins as a copy of another one and follows it. Tests of fail-overs use it.

use crate::cluster::Cluster;
use crate::error::Error;
use crate::installation::Installation;
use crate::options::{ClusterOptions, PORT, SUPERUSER};
use crate::program::run;

impl Cluster {
    /// Copies the running `primary` into an empty folder and starts the copy as its standby. `name` is what the primary's
    /// `synchronous_standby_names` calls it.
    ///
    /// # Errors
    /// As [`Self::start`].
    #[expect(clippy::needless_pass_by_value, reason = "the cluster takes the options over, as in start")]
    pub fn start_standby(
        installation: &Installation,
        options: ClusterOptions,
        primary: &Self,
        name: &str,
    ) -> Result<Self, Error> {
        Self::start_with(installation, &options, |standby| standby.copy(primary, name))
    }

    /// Makes a standby a primary and waits until it is one.
    ///
    /// # Errors
    /// [`Error::Program`], also when it is a primary already.
    pub fn promote(&self) -> Result<(), Error> {
        self.execute_sql("postgres", "SELECT pg_promote()").map(drop)
    }

    fn copy(&self, primary: &Self, name: &str) -> Result<(), Error> {
        let socket = primary.paths.socket.display();
        let source = format!("host='{socket}' port={PORT} user={SUPERUSER} application_name={name}");
        let mut backup = self.owner.command(&self.installation.program("pg_basebackup"));
        backup
            .args(["--write-recovery-conf", "--checkpoint=fast", "-d", &source, "-D"])
            .arg(&self.paths.draft);
        if !self.durable {
            backup.arg("--no-sync");
        }
        run("pg_basebackup", &mut backup)?;
        std::fs::rename(&self.paths.draft, &self.paths.data)
            .map_err(Error::io("cannot move", &self.paths.draft))
    }
}
