//! Which cluster a data folder has, after the folder was moved, copied, closed, or lost files.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use local_postgres::{Cluster, ClusterOptions, ClusterState, Error, Installation};

/// A temporary folder, removed on drop.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("cluster-identity-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn options(folder: &Path) -> ClusterOptions {
    ClusterOptions { data_dir: folder.to_owned(), durable: false, settings: Vec::new() }
}

fn start(folder: &Path) -> Result<Cluster, Error> {
    Cluster::start(&Installation::find().unwrap(), options(folder))
}

/// Creates a cluster with a table, and stops it. Returns its folder.
fn create(folder: &Path) -> PathBuf {
    let cluster = start(folder).unwrap();
    cluster.execute_sql("postgres", "CREATE TABLE people ()").unwrap();
    cluster.data_dir().to_owned()
}

fn assert_same(folder: &Path) {
    start(folder).unwrap().execute_sql("postgres", "SELECT FROM people").unwrap();
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Asserts that neither a start nor an attachment accepts the folder, and that both say so in the same words.
fn refusal(folder: &Path) -> String {
    let by_start = start(folder).unwrap_err().to_string();
    let by_attach =
        Cluster::attach(&Installation::find().unwrap(), &options(folder)).unwrap_err().to_string();
    let by_state = Cluster::state(folder).unwrap_err().to_string();
    assert_eq!((&by_start, &by_start), (&by_attach, &by_state));
    by_start
}

#[test]
fn a_moved_or_copied_folder_keeps_its_cluster() {
    let folder = Folder::new();
    create(&folder.path("first"));
    fs::rename(folder.path("first"), folder.path("moved")).unwrap();
    assert_same(&folder.path("moved"));
    let copied = Command::new("cp").arg("-a").arg(folder.path("moved")).arg(folder.path("copy")).status();
    assert!(copied.unwrap().success());
    assert_same(&folder.path("copy"));
    assert_same(&folder.path("moved"));
}

#[test]
fn a_folder_that_was_closed_later_is_refused_and_never_replaced() {
    let folder = Folder::new();
    let outer = folder.path("outer");
    fs::create_dir(&outer).unwrap();
    mode(&outer, 0o755);
    create(&outer.join("data"));
    mode(&outer, 0o700);
    if is_root() {
        let refusal = refusal(&outer.join("data"));
        assert!(refusal.contains(&format!("chmod o+x {}", outer.display())), "{refusal}");
    }
    mode(&outer, 0o711);
    assert_same(&outer.join("data"));
}

#[test]
fn a_folder_with_its_cluster_elsewhere_may_be_moved_copied_and_opened() {
    let folder = Folder::new();
    let closed = folder.path("closed");
    fs::create_dir(&closed).unwrap();
    mode(&closed, 0o700);
    let home = create(&closed.join("data"));
    assert_eq!(home.starts_with("/var/lib/hongyan"), is_root());
    fs::rename(closed.join("data"), folder.path("moved")).unwrap();
    assert_same(&folder.path("moved"));
    fs::rename(folder.path("moved"), closed.join("data")).unwrap();
    mode(&closed, 0o755);
    assert_same(&closed.join("data"));
    if is_root() {
        fs::remove_file(closed.join("data/cluster.note")).unwrap();
        let lost = refusal(&closed.join("data"));
        assert!(lost.contains(&home.display().to_string()), "{lost}");
        fs::remove_dir_all(home).unwrap();
    }
}

#[test]
fn a_cluster_of_an_earlier_release_is_adopted() {
    let folder = Folder::new();
    create(&folder.0);
    fs::remove_file(folder.path("cluster.note")).unwrap();
    assert_same(&folder.0);
    assert!(folder.path("cluster.note").exists());
}

#[test]
fn a_missing_or_foreign_cluster_is_refused_and_none_is_created() {
    let folder = Folder::new();
    let (one, other) = (folder.path("one"), folder.path("other"));
    create(&one);
    create(&other);
    fs::rename(one.join("pg"), folder.path("kept")).unwrap();
    let missing = refusal(&one);
    assert!(missing.contains("put it back") && missing.contains(&one.display().to_string()), "{missing}");
    assert!(!one.join("pg").exists());
    fs::rename(other.join("pg"), one.join("pg")).unwrap();
    let foreign = refusal(&one);
    assert!(foreign.contains("is not the one") && foreign.contains("cluster.note"), "{foreign}");
    fs::remove_dir_all(one.join("pg")).unwrap();
    fs::rename(folder.path("kept"), one.join("pg")).unwrap();
    assert_same(&one);
}

#[test]
fn files_that_are_no_complete_cluster_are_left_alone() {
    let folder = Folder::new();
    create(&folder.0);
    fs::remove_file(folder.path("cluster.note")).unwrap();
    fs::remove_file(folder.path("pg/PG_VERSION")).unwrap();
    let refused = start(&folder.0).unwrap_err().to_string();
    assert!(refused.contains("PG_VERSION"), "{refused}");
    assert!(folder.path("pg/global/pg_control").exists());
}

#[test]
fn a_damaged_note_is_refused() {
    let folder = Folder::new();
    create(&folder.0);
    fs::write(folder.path("cluster.note"), "home=.\n").unwrap();
    let damaged = refusal(&folder.0);
    assert!(damaged.contains("cluster.note is damaged"), "{damaged}");
}

#[test]
fn a_link_is_refused_and_its_target_keeps_its_owner() {
    let folder = Folder::new();
    let target = folder.path("target");
    fs::create_dir(&target).unwrap();
    mode(&target, 0o755);
    let before = fs::metadata(&target).unwrap();
    create(&folder.path("data"));
    fs::remove_dir_all(folder.path("data/socket")).unwrap();
    symlink(&target, folder.path("data/socket")).unwrap();
    start(&folder.path("data")).unwrap_err();
    let after = fs::metadata(&target).unwrap();
    assert_eq!((after.uid(), after.mode()), (before.uid(), before.mode()));
}

#[test]
fn a_file_is_bound_to_its_cluster() {
    let folder = Folder::new();
    let state = || Cluster::state(&folder.0).unwrap();
    assert_eq!(state(), ClusterState::Absent);
    let cluster = start(&folder.0).unwrap();
    assert_eq!(state(), ClusterState::Unbound);
    let file = folder.path("key");
    cluster.bind(&file, "one").unwrap();
    assert_eq!(state(), ClusterState::Bound);
    cluster.bind(&file, "one").unwrap();
    let refused = cluster.bind(&file, "another").unwrap_err().to_string();
    assert!(
        refused.contains("does not belong") && refused.contains(&file.display().to_string()),
        "{refused}"
    );
    drop(cluster);
    start(&folder.0).unwrap().bind(&file, "one").unwrap();
}

/// What must not change when a link leads to a file or a folder.
fn state(path: &Path) -> (u32, u32, Option<Vec<u8>>) {
    let metadata = fs::metadata(path).unwrap();
    (metadata.uid(), metadata.mode(), metadata.is_file().then(|| fs::read(path).unwrap()))
}

#[test]
fn no_link_in_place_of_a_file_or_folder_of_a_cluster_is_followed() {
    let folder = Folder::new();
    let (data, target) = (folder.path("data"), folder.path("target"));
    let home = create(&data);
    let entries: Vec<PathBuf> = fs::read_dir(&home).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(entries.len() >= 6, "{entries:?}");
    for entry in entries {
        fs::rename(&entry, folder.path("kept")).unwrap();
        if folder.path("kept").is_dir() {
            fs::create_dir(&target).unwrap();
        } else {
            fs::write(&target, "a file of another user\n").unwrap();
        }
        mode(&target, 0o755);
        let before = state(&target);
        symlink(&target, &entry).unwrap();
        drop(start(&data));
        assert_eq!(state(&target), before, "{}", entry.display());
        if fs::symlink_metadata(&entry).unwrap().is_dir() {
            fs::remove_dir_all(&entry).unwrap();
        } else {
            fs::remove_file(&entry).unwrap();
        }
        fs::rename(folder.path("kept"), &entry).unwrap();
        fs::remove_file(&target).or_else(|_| fs::remove_dir_all(&target)).unwrap();
    }
    assert_same(&data);
}

#[test]
fn a_data_folder_that_is_a_link_is_refused_and_its_target_is_left_alone() {
    let folder = Folder::new();
    let (data, target) = (folder.path("data"), folder.path("target"));
    fs::create_dir(&target).unwrap();
    mode(&target, 0o755);
    let before = state(&target);
    symlink(&target, &data).unwrap();
    assert!(matches!(start(&data), Err(Error::Link(_))));
    assert!(matches!(Cluster::state(&data), Err(Error::Link(_))));
    assert_eq!((state(&target), fs::read_dir(&target).unwrap().count()), (before, 0));
}

#[test]
fn a_folder_that_a_third_user_put_there_is_refused() {
    if !is_root() {
        return;
    }
    let folder = Folder::new();
    let data = folder.path("data");
    fs::create_dir(&data).unwrap();
    std::os::unix::fs::chown(&data, Some(12_345), Some(12_345)).unwrap();
    assert!(matches!(start(&data), Err(Error::ForeignFolder(_))));
    assert_eq!(fs::metadata(&data).unwrap().uid(), 12_345);
}
