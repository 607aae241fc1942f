//! Where a cluster lies: its data, its log, its socket.

use std::path::{Path, PathBuf};

use crate::Error;
use crate::owner::Owner;

/// The folders of one cluster.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// Everything of the cluster's but perhaps its socket.
    pub(crate) home: PathBuf,
    /// Where PostgreSQL keeps its files.
    pub(crate) data: PathBuf,
    /// Where a new cluster is made, to be renamed when it is whole.
    pub(crate) draft: PathBuf,
    /// PostgreSQL's log.
    pub(crate) log: PathBuf,
    /// The settings that the running postmaster was started with.
    pub(crate) settings: PathBuf,
    /// The folder of the socket.
    pub(crate) socket: PathBuf,
    /// Whether the wanted folder could not be used.
    pub(crate) relocated: bool,
}

/// A socket's path must fit into 108 bytes, and PostgreSQL appends `/.s.PGSQL.5432.lock` to the folder.
const LONGEST_SOCKET_FOLDER: usize = 80;

impl Place {
    /// Makes the folders. A wanted folder that the owner cannot reach is replaced by one in the system's state directory.
    pub(crate) fn prepare(wanted: &Path, owner: Owner) -> Result<Self, Error> {
        std::fs::create_dir_all(wanted).map_err(Error::io("cannot make the folder", wanted))?;
        let place = Self::of(wanted, owner)?;
        owner.make_private_folder(&place.home)?;
        place.make_socket_folder(owner)?;
        Ok(place)
    }

    /// The place of a cluster that was made before; none if there is none. Changes nothing.
    pub(crate) fn find(wanted: &Path, owner: Owner) -> Result<Option<Self>, Error> {
        if !wanted.exists() {
            return Ok(None);
        }
        let place = Self::of(wanted, owner)?;
        Ok(place.data.join("PG_VERSION").exists().then_some(place))
    }

    fn of(wanted: &Path, owner: Owner) -> Result<Self, Error> {
        let wanted = wanted.canonicalize().map_err(Error::io("cannot find the folder", wanted))?;
        let relocated = !owner.can_reach(&wanted);
        let home = if relocated { Path::new("/var/lib/hongyan").join(fingerprint(&wanted)) } else { wanted };
        let mut socket = home.join("socket");
        if socket.as_os_str().len() > LONGEST_SOCKET_FOLDER {
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

    /// The socket's folder may lie where the system tidies up.
    pub(crate) fn make_socket_folder(&self, owner: Owner) -> Result<(), Error> {
        if self.socket.symlink_metadata().is_ok() && !owner.owns(&self.socket) {
            return Err(Error::ForeignSocketFolder(self.socket.clone()));
        }
        owner.make_private_folder(&self.socket)
    }
}

/// A name for a path that is the same for ever (FNV-1a, 64 bits).
fn fingerprint(path: &Path) -> String {
    let bytes = path.as_os_str().as_encoded_bytes();
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}
