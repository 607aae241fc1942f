//! The paths of a cluster's files: data, log and socket.

use std::path::{Path, PathBuf};

use crate::Error;
use crate::owner::Owner;

/// The files and folders of one cluster.
#[derive(Debug, Clone)]
pub(crate) struct ClusterPaths {
    /// Contains everything except, perhaps, the socket.
    pub(crate) home: PathBuf,
    /// PostgreSQL's data directory.
    pub(crate) data: PathBuf,
    /// Where `initdb` creates a new cluster, which is renamed to `data` when it is complete.
    pub(crate) draft: PathBuf,
    /// PostgreSQL's log.
    pub(crate) log: PathBuf,
    /// The arguments that the running postmaster was started with.
    pub(crate) settings: PathBuf,
    /// The folder of the Unix socket.
    pub(crate) socket: PathBuf,
    /// Whether `home` is not the requested folder, because the owner cannot reach that.
    pub(crate) relocated: bool,
}

/// A socket's path is limited to 108 bytes, and PostgreSQL appends `/.s.PGSQL.5432.lock` to the folder.
const MAX_SOCKET_FOLDER: usize = 80;

impl ClusterPaths {
    /// Creates the folders. A requested folder that the owner cannot reach is replaced by one in `/var/lib/hongyan`.
    pub(crate) fn create(requested: &Path, owner: Owner) -> Result<Self, Error> {
        std::fs::create_dir_all(requested).map_err(Error::io("cannot create the folder", requested))?;
        let paths = Self::locate(requested, owner)?;
        owner.make_private_folder(&paths.home)?;
        paths.make_socket_folder(owner)?;
        Ok(paths)
    }

    /// The paths of an existing cluster; `None` if there is none. Changes nothing.
    pub(crate) fn find(requested: &Path, owner: Owner) -> Result<Option<Self>, Error> {
        if !requested.exists() {
            return Ok(None);
        }
        let paths = Self::locate(requested, owner)?;
        Ok(paths.data.join("PG_VERSION").exists().then_some(paths))
    }

    fn locate(requested: &Path, owner: Owner) -> Result<Self, Error> {
        let requested = requested.canonicalize().map_err(Error::io("cannot find the folder", requested))?;
        let relocated = !owner.can_reach(&requested);
        let home =
            if relocated { Path::new("/var/lib/hongyan").join(fingerprint(&requested)) } else { requested };
        let mut socket = home.join("socket");
        if socket.as_os_str().len() > MAX_SOCKET_FOLDER {
            socket = Path::new("/tmp").join(format!("hongyan-{}", fingerprint(&home)));
        }
        Ok(Self {
            data: home.join("pg"),
            draft: home.join("pg.new"),
            log: home.join("log"),
            settings: home.join("settings"),
            socket,
            relocated,
            home,
        })
    }

    /// Creates the socket's folder, which the system may have cleaned up since: it can lie in `/tmp`.
    pub(crate) fn make_socket_folder(&self, owner: Owner) -> Result<(), Error> {
        if self.socket.symlink_metadata().is_ok() && !owner.owns(&self.socket) {
            return Err(Error::ForeignSocketFolder(self.socket.clone()));
        }
        owner.make_private_folder(&self.socket)
    }
}

/// A stable name for a path (64-bit FNV-1a). It must never change: existing clusters are found by it.
fn fingerprint(path: &Path) -> String {
    let bytes = path.as_os_str().as_encoded_bytes();
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}
