use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::Error;

/// Whom the cluster's programs run as: ourselves, or `postgres` when we are root, which PostgreSQL refuses to be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Owner {
    Ourselves,
    Postgres { uid: u32, gid: u32 },
}

impl Owner {
    pub(crate) fn find() -> Result<Self, Error> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::Ourselves);
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

    /// A program that runs as the owner. It starts in `/`, because the owner may not enter where we are.
    pub(crate) fn command(self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir("/").stdin(std::process::Stdio::null());
        if let Self::Postgres { uid, gid } = self {
            command.uid(uid).gid(gid);
        }
        command
    }

    /// Whether the owner can reach a folder: every one above it must let it pass.
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

    /// Makes a folder of the owner's that nobody else can enter.
    pub(crate) fn make_private_folder(self, folder: &Path) -> Result<(), Error> {
        std::fs::create_dir_all(folder).map_err(Error::io("cannot make the folder", folder))?;
        if let Self::Postgres { uid, gid } = self {
            chown(folder, Some(uid), Some(gid)).map_err(Error::io("cannot hand over the folder", folder))?;
        }
        std::fs::set_permissions(folder, Permissions::from_mode(0o700))
            .map_err(Error::io("cannot close the folder", folder))
    }

    /// Whether the owner is the one that the folder belongs to, and nobody can enter it by a link.
    pub(crate) fn owns(self, folder: &Path) -> bool {
        let expected = match self {
            Self::Ourselves => rustix::process::geteuid().as_raw(),
            Self::Postgres { uid, .. } => uid,
        };
        folder.symlink_metadata().is_ok_and(|metadata| metadata.is_dir() && metadata.uid() == expected)
    }
}
