//! The lock file of a data folder.

use std::fs::{File, TryLockError};
use std::path::Path;

use crate::Error;
use crate::file;

/// An exclusive lock on a data folder, held until this value is dropped; the kernel releases it when the process dies.
#[derive(Debug)]
pub(crate) struct FolderLock(#[expect(dead_code, reason = "dropping it releases the lock")] File);

impl FolderLock {
    pub(crate) fn take(folder: &Path) -> Result<Self, Error> {
        let path = folder.join("lock");
        let file = file::options().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(Error::io("cannot open the lock", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(Error::InUse(folder.to_owned())),
            Err(TryLockError::Error(error)) => Err(Error::io("cannot lock", path)(error)),
        }
    }
}
