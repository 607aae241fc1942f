//! The note in a data folder that states where its cluster is, and which cluster that is.
//!
//! A cluster's place depends on permissions when the cluster is created: root cannot run PostgreSQL in a folder that the user
//! `postgres` cannot enter. If each start derived the place again, a `chmod`, `mv` or `cp` of the folder would lead to another
//! place, and the server would create an empty cluster there. So the first start writes the place down, and every later
//! start follows the note or refuses to start.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::file;

/// The note's name in the requested folder.
const NAME: &str = "cluster.note";
/// In a cluster's folder outside the data folder: some data folder has a note about it.
const CLAIM: &str = "claimed";
/// The value of `home` when the cluster is in the data folder itself, which may be moved as a whole.
const HERE: &str = ".";

/// What the note says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClusterNote {
    /// The cluster's folder; `None` when it is the data folder itself.
    pub(crate) home: Option<PathBuf>,
    /// The cluster's system identifier, as `pg_controldata` shows it.
    pub(crate) identifier: u64,
    /// The fingerprint of the file that belongs to the cluster.
    pub(crate) companion: Option<String>,
}

impl ClusterNote {
    pub(crate) fn path(requested: &Path) -> PathBuf {
        requested.join(NAME)
    }

    /// Reads the note of a data folder; `None` if the folder never had a cluster, or only one of an earlier release.
    pub(crate) fn read(requested: &Path) -> Result<Option<Self>, Error> {
        let path = Self::path(requested);
        match file::read(&path) {
            Ok(text) => Self::parse(&text).map(Some).ok_or(Error::BrokenNote(path)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("cannot read", path)(error)),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        let home = value("home")?;
        Some(Self {
            home: (home != HERE).then(|| PathBuf::from(home)),
            identifier: value("system_identifier")?.parse().ok()?,
            companion: value("companion").map(ToOwned::to_owned),
        })
    }

    /// Writes the note, whole or not at all, and claims a cluster outside the data folder.
    pub(crate) fn write(&self, requested: &Path) -> Result<(), Error> {
        let path = Self::path(requested);
        let home = self.home.as_ref().map_or_else(|| HERE.into(), |home| home.to_string_lossy());
        let companion =
            self.companion.as_ref().map_or_else(String::new, |print| format!("companion={print}\n"));
        let text = format!("home={home}\nsystem_identifier={}\n{companion}", self.identifier);
        let write = || -> std::io::Result<()> {
            file::replace(&path, &text)?;
            File::open(requested)?.sync_all()?;
            let claim = |home: &PathBuf| {
                file::options().create(true).truncate(false).write(true).open(home.join(CLAIM))
            };
            self.home.as_ref().map_or(Ok(()), |home| claim(home).map(drop))
        };
        write().map_err(Error::io("cannot write", &path))
    }
}

/// Whether some data folder has a note about the cluster in this folder.
pub(crate) fn is_claimed(home: &Path) -> bool {
    home.join(CLAIM).exists()
}

/// The cluster's system identifier: the first eight bytes of `pg_control`, in the machine's byte order.
/// `data` is PostgreSQL's data directory.
pub(crate) fn system_identifier(data: &Path) -> Result<u64, Error> {
    let path = data.join("global/pg_control");
    let mut bytes = [0_u8; 8];
    let read = file::open(&path).and_then(|mut file| file.read_exact(&mut bytes));
    read.map_err(Error::io("cannot read", path))?;
    Ok(u64::from_ne_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_as_it_was_written() {
        let folder = std::env::temp_dir().join(format!("cluster-note-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        for home in [None, Some(folder.clone())] {
            for companion in [None, Some("0123456789abcdef".to_owned())] {
                let note = ClusterNote { home: home.clone(), identifier: u64::MAX, companion };
                note.write(&folder).unwrap();
                assert_eq!(ClusterNote::read(&folder).unwrap(), Some(note));
            }
        }
        assert!(is_claimed(&folder));
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_note_that_is_not_whole_is_no_note() {
        for text in ["", "home=.\n", "home=.\nsystem_identifier=x\n", "system_identifier=1\n"] {
            assert_eq!(ClusterNote::parse(text), None, "{text:?}");
        }
    }
}
