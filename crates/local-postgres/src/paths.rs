//! The paths of a cluster's files, and the decision which cluster a data folder has.

use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::file;
use crate::note::{self, ClusterNote};
use crate::owner::Owner;

/// The files and folders of one cluster.
#[derive(Debug, Clone)]
pub(crate) struct ClusterPaths {
    /// The data folder that the cluster belongs to.
    pub(crate) requested: PathBuf,
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
    /// Whether `home` is not the requested folder, because the owner could not reach that when the cluster was created.
    pub(crate) relocated: bool,
}

/// A socket's path is limited to 108 bytes, and PostgreSQL appends `/.s.PGSQL.5432.lock` to the folder.
const MAX_SOCKET_FOLDER: usize = 80;
/// Contains the clusters of data folders that the user `postgres` cannot reach.
const SYSTEM_FOLDER: &str = "/var/lib/hongyan";

impl ClusterPaths {
    /// Creates the folders. A requested folder that the owner cannot reach, and that has no cluster yet, is replaced by one in
    /// `/var/lib/hongyan`.
    pub(crate) fn create(requested: &Path, owner: Owner) -> Result<Self, Error> {
        refuse_link(requested)?;
        std::fs::create_dir_all(requested).map_err(Error::io("cannot create the folder", requested))?;
        let requested = canonical(requested)?;
        let paths = match Self::existing(&requested, owner)? {
            Some(paths) => paths,
            None if owner.can_reach(&requested) => Self::at(&requested, requested.clone()),
            None => Self::at(&requested, derived(&requested)),
        };
        owner.make_private_folder(&paths.home)?;
        paths.make_socket_folder(owner)?;
        Ok(paths)
    }

    /// The paths of an existing cluster; `None` if the folder never had one. Changes nothing.
    pub(crate) fn find(requested: &Path, owner: Owner) -> Result<Option<Self>, Error> {
        refuse_link(requested)?;
        if !is_there(requested)? {
            return Ok(None);
        }
        Self::existing(&canonical(requested)?, owner)
    }

    /// The cluster that a data folder has: the one of its note, else one of an earlier release, which wrote no note.
    fn existing(requested: &Path, owner: Owner) -> Result<Option<Self>, Error> {
        let paths = match ClusterNote::read(requested)? {
            Some(note) => Self::noted(requested, note)?,
            None => match Self::without_note(requested, owner)? {
                Some(paths) => paths,
                None => return Ok(None),
            },
        };
        match owner.obstacle(&paths.home) {
            Some(folder) => Err(Error::Unreachable { home: paths.home, folder }),
            None => Ok(Some(paths)),
        }
    }

    fn noted(requested: &Path, note: ClusterNote) -> Result<Self, Error> {
        let paths = Self::at(requested, note.home.unwrap_or_else(|| requested.to_owned()));
        if !paths.has_cluster()? {
            return Err(Error::Missing { requested: requested.to_owned(), home: paths.home });
        }
        let found = note::system_identifier(&paths.data)?;
        if found == note.identifier {
            return Ok(paths);
        }
        let note_path = ClusterNote::path(requested);
        Err(Error::AnotherCluster { home: paths.home, note: note_path, found, expected: note.identifier })
    }

    fn without_note(requested: &Path, owner: Owner) -> Result<Option<Self>, Error> {
        let here = Self::at(requested, requested.to_owned());
        let elsewhere = Self::at(requested, derived(requested));
        let relocated = owner.is_postgres() && elsewhere.has_cluster()?;
        match (here.has_cluster()?, relocated) {
            (true, true) => Err(Error::TwoClusters { here: here.home, elsewhere: elsewhere.home }),
            (true, false) => Ok(Some(here)),
            (false, true) if note::is_claimed(&elsewhere.home) => {
                Err(Error::LostNote { requested: requested.to_owned(), home: elsewhere.home })
            }
            (false, true) => Ok(Some(elsewhere)),
            (false, false) => Ok(None),
        }
    }

    fn at(requested: &Path, home: PathBuf) -> Self {
        let mut socket = home.join("socket");
        if socket.as_os_str().len() > MAX_SOCKET_FOLDER {
            socket = Path::new("/tmp").join(format!("hongyan-{}", fingerprint(&home)));
        }
        Self {
            requested: requested.to_owned(),
            data: home.join("pg"),
            draft: home.join("pg.new"),
            log: home.join("log"),
            settings: home.join("settings"),
            socket,
            relocated: home != requested,
            home,
        }
    }

    /// Whether a complete cluster is there. A folder that cannot be looked into is an error: it may have one.
    pub(crate) fn has_cluster(&self) -> Result<bool, Error> {
        refuse_link(&self.data)?;
        is_there(&self.data.join("PG_VERSION"))
    }

    /// Creates the socket's folder, which the system may have cleaned up since: it can lie in `/tmp`.
    pub(crate) fn make_socket_folder(&self, owner: Owner) -> Result<(), Error> {
        if self.socket.symlink_metadata().is_ok() && !owner.owns(&self.socket) {
            return Err(Error::ForeignFolder(self.socket.clone()));
        }
        owner.make_private_folder(&self.socket)
    }
}

/// A link could lead to a folder of another user, which root would hand over, or which is another cluster's.
fn refuse_link(folder: &Path) -> Result<(), Error> {
    if file::is_link(folder) { Err(Error::Link(folder.to_owned())) } else { Ok(()) }
}

fn is_there(path: &Path) -> Result<bool, Error> {
    path.try_exists().map_err(Error::io("cannot look at", path))
}

fn canonical(folder: &Path) -> Result<PathBuf, Error> {
    folder.canonicalize().map_err(Error::io("cannot find the folder", folder))
}

/// Where the cluster of a data folder is created that the owner cannot reach.
fn derived(requested: &Path) -> PathBuf {
    Path::new(SYSTEM_FOLDER).join(fingerprint(requested))
}

/// A stable name for a path (64-bit FNV-1a). It must never change: existing clusters are found by it.
fn fingerprint(path: &Path) -> String {
    let bytes = path.as_os_str().as_encoded_bytes();
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}
