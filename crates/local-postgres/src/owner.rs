//! The system user that PostgreSQL's programs run as.

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::Error;

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
            let output = Command::new("id").args([flag, "postgres"]).output().ok()?;
            String::from_utf8_lossy(&output.stdout).trim().parse().ok()
        };
        match (id("-u"), id("-g")) {
            (Some(uid), Some(gid)) => Ok(Self::Postgres { uid, gid }),
            _ => Err(Error::NoPostgresUser),
        }
    }

    /// A program that runs as the owner. It starts in `/`, because the owner may not have access to the current folder.
    pub(crate) fn command(self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir("/").stdin(std::process::Stdio::null());
        if let Self::Postgres { uid, gid } = self {
            command.uid(uid).gid(gid);
        }
        command
    }

    /// Whether the owner has search permission on every ancestor of a folder.
    pub(crate) fn can_reach(self, folder: &Path) -> bool {
        let Self::Postgres { uid, gid } = self else { return true };
        folder.ancestors().skip(1).all(|ancestor| {
            let Ok(metadata) = ancestor.metadata() else { return ancestor.as_os_str().is_empty() };
            let mode = metadata.mode();
            let bit = if metadata.uid() == uid {
                0o100
            } else if metadata.gid() == gid {
                0o010
            } else {
                0o001
            };
            mode & bit != 0
        })
    }

    /// Creates a folder with mode 0700 that belongs to the owner.
    pub(crate) fn make_private_folder(self, folder: &Path) -> Result<(), Error> {
        std::fs::create_dir_all(folder).map_err(Error::io("cannot create the folder", folder))?;
        if let Self::Postgres { uid, gid } = self {
            chown(folder, Some(uid), Some(gid))
                .map_err(Error::io("cannot change the owner of the folder", folder))?;
        }
        std::fs::set_permissions(folder, Permissions::from_mode(0o700))
            .map_err(Error::io("cannot change the mode of the folder", folder))
    }

    /// Whether the folder belongs to the owner. A symbolic link does not count as a folder: it could lead elsewhere.
    pub(crate) fn owns(self, folder: &Path) -> bool {
        let expected = match self {
            Self::CurrentUser => rustix::process::geteuid().as_raw(),
            Self::Postgres { uid, .. } => uid,
        };
        folder.symlink_metadata().is_ok_and(|metadata| metadata.is_dir() && metadata.uid() == expected)
    }
}
