//! Files in a folder of another user: root runs the cluster as the user `postgres`, which owns the cluster's folder. A link
//! that this user made must not make root read or write another file.

use std::fs::{File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Options that do not follow a symbolic link and create private files.
pub(crate) fn options() -> OpenOptions {
    let no_follow = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or_default();
    let mut options = OpenOptions::new();
    options.custom_flags(no_follow).mode(0o600);
    options
}

/// Opens a file for reading.
pub(crate) fn open(path: &Path) -> std::io::Result<File> {
    options().read(true).open(path)
}

/// The text of a file.
pub(crate) fn read(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    open(path)?.read_to_string(&mut text)?;
    Ok(text)
}

/// Writes a file, whole or not at all. What was there, a link too, is replaced.
pub(crate) fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let draft = path.with_extension(format!("{:016x}.new", RandomState::new().hash_one(0)));
    let write = || {
        let mut file = options().write(true).create_new(true).open(&draft)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&draft, path)
    };
    write().inspect_err(|_| {
        // The first error is the one to report.
        let _ = std::fs::remove_file(&draft);
    })
}

/// Whether a path is a symbolic link.
pub(crate) fn is_link(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink())
}
