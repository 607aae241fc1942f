//! The system user that PostgreSQL's programs run as.

use std::fs::{DirBuilder, File, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Error;
use crate::file;
use crate::program::child;

/// The user that owns the cluster and runs its programs. PostgreSQL refuses to run as root, so root uses `postgres`.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Owner {
    CurrentUser,
    Postgres { uid: u32, gid: u32 },
}

impl Owner {
    pub(crate) fn find() -> Result<Self, Error> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::CurrentUser);
        }
        let id = |flag: &str| {
            let output = child("id").args([flag, "postgres"]).output().ok()?;
            String::from_utf8_lossy(&output.stdout).trim().parse().ok()
        };
        match (id("-u"), id("-g")) {
            (Some(uid), Some(gid)) => Ok(Self::Postgres { uid, gid }),
            _ => Err(Error::NoPostgresUser),
        }
    }

    /// A program that runs as the owner. It starts in `/`, because the owner may not have access to the current folder.
    pub(crate) fn command(self, program: &Path) -> Command {
        let mut command = child(program);
        command.current_dir("/").stdin(std::process::Stdio::null());
        if let Self::Postgres { uid, gid } = self {
            command.uid(uid).gid(gid);
        }
        command
    }

    /// Whether this is the user `postgres`, because the current user is root.
    pub(crate) const fn is_postgres(self) -> bool {
        matches!(self, Self::Postgres { .. })
    }

    /// Whether the owner has search permission on every ancestor of a folder.
    pub(crate) fn can_reach(self, folder: &Path) -> bool {
        self.obstacle(folder).is_none()
    }

    /// The outermost ancestor of a folder that the owner cannot enter.
    pub(crate) fn obstacle(self, folder: &Path) -> Option<PathBuf> {
        let Self::Postgres { uid, gid } = self else { return None };
        let mut ancestors: Vec<&Path> = folder.ancestors().skip(1).collect();
        ancestors.reverse();
        let closed = ancestors.into_iter().find(|ancestor| {
            let Ok(metadata) = ancestor.metadata() else { return !ancestor.as_os_str().is_empty() };
            let mode = metadata.mode();
            let bit = if metadata.uid() == uid {
                0o100
            } else if metadata.gid() == gid {
                0o010
            } else {
                0o001
            };
            mode & bit == 0
        });
        closed.map(Path::to_owned)
    }

    /// Creates a folder with mode 0700 that belongs to the owner. A symbolic link is refused: root would hand over the folder
    /// that it leads to. So is a folder of a third user, who may have put it there in advance. Owner and mode are looked at and
    /// changed by descriptor, so that what is put there meanwhile has no effect.
    pub(crate) fn make_private_folder(self, folder: &Path) -> Result<(), Error> {
        if let Some(parent) = folder.parent() {
            std::fs::create_dir_all(parent).map_err(Error::io("cannot create the folder", parent))?;
        }
        match DirBuilder::new().mode(0o700).create(folder) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(Error::io("cannot create the folder", folder)(error));
            }
            _ => {}
        }
        if file::is_link(folder) {
            return Err(Error::Link(folder.to_owned()));
        }
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::DIRECTORY;
        let flags = i32::try_from(flags.bits()).unwrap_or_default();
        let opened = File::options().read(true).custom_flags(flags).open(folder);
        let opened = opened.map_err(Error::io("cannot open the folder", folder))?;
        let found = opened.metadata().map_err(Error::io("cannot look at", folder))?.uid();
        if ![self.uid(), rustix::process::geteuid().as_raw()].contains(&found) {
            return Err(Error::ForeignFolder(folder.to_owned()));
        }
        if let Self::Postgres { uid, gid } = self {
            fchown(&opened, Some(uid), Some(gid))
                .map_err(Error::io("cannot change the owner of the folder", folder))?;
        }
        opened
            .set_permissions(Permissions::from_mode(0o700))
            .map_err(Error::io("cannot change the mode of the folder", folder))
    }

    fn uid(self) -> u32 {
        match self {
            Self::CurrentUser => rustix::process::geteuid().as_raw(),
            Self::Postgres { uid, .. } => uid,
        }
    }

    /// Whether the folder belongs to the owner. A symbolic link does not count as a folder: it could lead elsewhere.
    pub(crate) fn owns(self, folder: &Path) -> bool {
        folder.symlink_metadata().is_ok_and(|metadata| metadata.is_dir() && metadata.uid() == self.uid())
    }
}
