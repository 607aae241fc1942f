//! `PgBouncer` between the servers and PostgreSQL, configured by `deploy/pgbouncer.ini`.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

/// A running `PgBouncer`.
pub(crate) struct Pooler {
    child: Child,
    /// The folder of the socket that it listens on.
    pub(crate) socket_folder: PathBuf,
}

/// The deployed file; addresses are replaced.
const DEPLOYED: &str = include_str!("../../../deploy/pgbouncer.ini");
const TIMEOUT: Duration = Duration::from_secs(10);

impl Pooler {
    /// Starts it in front of the PostgreSQL whose socket is in the folder `to`.
    pub(crate) fn start(folder: &Path, to: &Path) -> anyhow::Result<Self> {
        let socket_folder = folder.join("pooler");
        fs::create_dir(&socket_folder)?;
        // PgBouncer refuses to run as root, and only PostgreSQL's user may enter the folder of its socket.
        let owner = to.metadata()?;
        chown(&socket_folder, Some(owner.uid()), Some(owner.gid()))?;
        let file = socket_folder.join("pgbouncer.ini");
        fs::write(&file, configuration(&socket_folder, to))?;
        let mut command = Command::new("pgbouncer");
        command.args(["-q"]).arg(&file).stdin(Stdio::null()).stderr(Stdio::null());
        if rustix::process::geteuid().is_root() {
            command.uid(owner.uid()).gid(owner.gid());
        }
        let child = command.spawn().context("pgbouncer cannot be started; is it installed?")?;
        let mut pooler = Self { child, socket_folder };
        let deadline = Instant::now() + TIMEOUT;
        while !pooler.socket_folder.join(".s.PGSQL.5432").exists() {
            if pooler.child.try_wait()?.is_some() || Instant::now() > deadline {
                let log = fs::read_to_string(pooler.socket_folder.join("log")).unwrap_or_default();
                bail!("pgbouncer did not start: {log}");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(pooler)
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        // An error means that it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `deploy/pgbouncer.ini` with sockets instead of addresses, and without passwords.
fn configuration(folder: &Path, to: &Path) -> String {
    let (folder, to) = (folder.display(), to.display());
    let deployed = DEPLOYED
        .replace("host=127.0.0.1 port=5432", &format!("host={to} port=5432"))
        .replace("listen_addr = 127.0.0.1", &format!("unix_socket_dir = {folder}\nlogfile = {folder}/log"))
        .replace("listen_port = 6432", "listen_port = 5432")
        .replace("auth_type = scram-sha-256", "auth_type = any");
    deployed.lines().filter(|line| !line.starts_with("auth_file")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deployed_file_is_used_with_sockets() {
        let text = configuration("/tmp/pooler".as_ref(), "/tmp/socket".as_ref());
        for expected in ["host=/tmp/socket port=5432", "unix_socket_dir = /tmp/pooler", "pool_mode = session"]
        {
            assert!(text.contains(expected), "{expected} is missing:\n{text}");
        }
        assert!(!text.contains("127.0.0.1") && !text.contains("auth_file"), "{text}");
    }
}
