//! File permission audit: owners, modes and links of the data folder, of the folders above it, and of backups.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use local_postgres::{Cluster, ClusterState, LogLimits, LogState};

use super::finding::{Finding, Severity};
use crate::config::{DatabaseSettings, Settings};

/// Where the units in `deploy` keep backups.
const BACKUPS: &str = "/var/lib/hongyan-backups";

/// Examines the files of an installation.
pub(super) fn examine(settings: &Settings) -> Vec<Finding> {
    let folder = settings.data_dir.as_path();
    let mut findings = Vec::new();
    if matches!(settings.database, DatabaseSettings::Embedded) && folder.exists() {
        findings.extend([data_folder(folder), path(folder)]);
        findings.extend(cluster(settings));
        findings.extend(LogState::find(&folder.join("postgres")).ok().flatten().map(logs));
    }
    findings.extend(backups(&[folder, Path::new("."), Path::new(BACKUPS)]));
    findings
}

fn data_folder(folder: &Path) -> Finding {
    const SUBJECT: &str = "data folder";
    let shown = folder.display();
    let Ok(metadata) = folder.metadata() else {
        return Finding::new(Severity::Fail, SUBJECT, format!("{shown} cannot be examined"));
    };
    let mode = metadata.mode() & 0o777;
    let (severity, text) = if mode & 0o022 != 0 {
        (Severity::Fail, format!("others can write to it ({mode:o}): chmod go-w {shown}"))
    } else if !is_ours(&metadata) {
        (Severity::Warn, format!("another user's: run hongyan as that user, or chown {shown}"))
    } else {
        (Severity::Ok, format!("only its owner can write to {shown} ({mode:o})"))
    };
    Finding::new(severity, SUBJECT, text)
}

/// The folders above a folder: other users must not be able to put another one in its place.
fn path(folder: &Path) -> Finding {
    const SUBJECT: &str = "path";
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let mut links = Vec::new();
    for above in folder.ancestors() {
        let Ok(metadata) = above.symlink_metadata() else { continue };
        let shown = above.display();
        if metadata.is_symlink() {
            if !is_ours(&metadata) && metadata.uid() != 0 {
                let text = format!("{shown} is another user's link: replace it by a folder");
                return Finding::new(Severity::Fail, SUBJECT, text);
            }
            links.push(shown.to_string());
        } else if above != folder && metadata.mode() & 0o1002 == 0o002 {
            let text = format!("others can replace what is in {shown}: chmod o-w {shown}");
            return Finding::new(Severity::Fail, SUBJECT, text);
        }
    }
    if links.is_empty() {
        return Finding::new(Severity::Ok, SUBJECT, "no link, and no folder that others can replace");
    }
    let text = format!("by the link {}: a change of it leads to other data", links.join(", "));
    Finding::new(Severity::Note, SUBJECT, text)
}

/// The note about the cluster. An error of it is the database's finding.
fn cluster(settings: &Settings) -> Option<Finding> {
    let state = Cluster::state(&settings.data_dir.join("postgres")).ok()?;
    let text = match state {
        ClusterState::Absent => return None,
        ClusterState::Bound => "its note names it and the secret that belongs to it",
        ClusterState::Unbound if settings.signing.secret.is_some() => "its note names it",
        ClusterState::Unbound => {
            let text = "not bound to the secret yet; the next start does it";
            return Some(Finding::new(Severity::Note, "cluster", text));
        }
    };
    Some(Finding::new(Severity::Ok, "cluster", text))
}

/// The rotation of the cluster's log, which the server that supervises the cluster does.
fn logs(found: LogState) -> Finding {
    const MIB: u64 = 1024 * 1024;
    let (size, LogLimits { bytes, age, kept }) = (found.bytes.div_ceil(MIB), LogLimits::DEFAULT);
    let (limit, days) = (bytes / MIB, age.as_secs() / 86_400);
    let (severity, text) = if found.overdue {
        (Severity::Warn, format!("{size} MiB, not rotated although due: a running server does it"))
    } else {
        (Severity::Ok, format!("{size} MiB; rotated at {limit} MiB or {days} days, {kept} old ones are kept"))
    };
    Finding::new(severity, "logs", text)
}

/// Backups that others can read, and drafts that a failed backup has left.
fn backups(folders: &[&Path]) -> Vec<Finding> {
    const SUBJECT: &str = "backups";
    let files: Vec<PathBuf> = folders.iter().flat_map(|folder| backup_files(folder)).collect();
    let mut findings = Vec::new();
    for file in &files {
        let shown = file.display();
        let is_draft = file.extension().is_some_and(|extension| extension == "part");
        match file.symlink_metadata() {
            Ok(metadata) if metadata.is_file() && metadata.mode() & 0o077 != 0 => {
                let text = format!("others can read {shown}: chmod 600 {shown}");
                findings.push(Finding::new(Severity::Fail, SUBJECT, text));
            }
            Ok(_) if is_draft => {
                let text = format!("unless one is being written, remove {shown}");
                findings.push(Finding::new(Severity::Note, SUBJECT, text));
            }
            _ => {}
        }
    }
    if findings.is_empty() && !files.is_empty() {
        let text = format!("only their owner can read the {} found", files.len());
        findings.push(Finding::new(Severity::Ok, SUBJECT, text));
    }
    findings
}

fn backup_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let name =
                name.strip_suffix(".part").and_then(|name| Some(name.rsplit_once('.')?.0)).unwrap_or(&name);
            name.ends_with(".backup") || name.ends_with(".dump")
        })
        .collect();
    files.sort();
    files
}

fn is_ours(metadata: &Metadata) -> bool {
    metadata.uid() == rustix::process::geteuid().as_raw()
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            let name = format!("hongyan-files-{}", crate::secret::random_name().unwrap());
            let path = std::env::temp_dir().join(name);
            fs::create_dir(&path).unwrap();
            Self(path)
        }

        fn folder(&self, name: &str, mode: u32) -> PathBuf {
            let path = self.0.join(name);
            fs::create_dir(&path).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            path
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_data_folder_that_others_can_write_to_fails() {
        let folder = Folder::new();
        for (mode, expected) in
            [(0o700, Severity::Ok), (0o711, Severity::Ok), (0o770, Severity::Fail), (0o777, Severity::Fail)]
        {
            let finding = data_folder(&folder.folder(&mode.to_string(), mode));
            assert_eq!(finding.severity, expected, "{finding}");
        }
    }

    #[test]
    fn a_folder_that_others_can_replace_fails_and_a_link_is_noted() {
        let folder = Folder::new();
        let (closed, open) = (folder.folder("closed", 0o755), folder.folder("open", 0o777));
        fs::create_dir(closed.join("data")).unwrap();
        symlink(&closed, folder.0.join("link")).unwrap();
        for (data, expected, words) in [
            (closed.join("data"), Severity::Ok, "no link"),
            (open.join("data"), Severity::Fail, "chmod o-w"),
            (folder.0.join("link/data"), Severity::Note, "link"),
        ] {
            let finding = path(&data);
            assert!(finding.severity == expected && finding.to_string().contains(words), "{finding}");
        }
    }

    #[test]
    fn a_log_that_is_not_rotated_warns() {
        for (overdue, expected) in [(false, Severity::Ok), (true, Severity::Warn)] {
            let finding = logs(LogState { bytes: 90_000_000_000, overdue });
            assert_eq!(finding.severity, expected);
            assert!(finding.to_string().chars().count() <= 80, "{finding}");
        }
    }

    #[test]
    fn a_backup_that_others_can_read_fails_and_a_draft_is_noted() {
        let folder = Folder::new();
        let file = |name: &str, mode| {
            fs::write(folder.0.join(name), "").unwrap();
            fs::set_permissions(folder.0.join(name), Permissions::from_mode(mode)).unwrap();
            backups(&[&folder.0]).iter().map(|finding| finding.severity).collect::<Vec<_>>()
        };
        assert_eq!(file("notes.txt", 0o644), []);
        assert_eq!(file("a.backup", 0o600), [Severity::Ok]);
        assert_eq!(file("b.dump.0123.part", 0o600), [Severity::Note]);
        assert_eq!(file("c.dump", 0o640), [Severity::Note, Severity::Fail]);
    }
}
