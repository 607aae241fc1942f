//! The data folder: after a move, a copy, a change of mode or a loss of files, the same people are there, or the start refuses.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;

use crate::support::{Folder, PASSWORD, Server};

/// A folder in which a server ran and one person registered.
fn inhabited(name: &str) -> Folder {
    let folder = Folder::new(name);
    let server = Server::start(&folder);
    server.register("alice_1");
    assert!(server.stop().success());
    folder
}

fn assert_inhabited(folder: &Folder) {
    let server = Server::start(folder);
    assert_eq!(server.login("alice_1", PASSWORD)["code"], 200);
    assert!(server.stop().success());
}

/// Asserts that each command that needs the database refuses with the same remedy, and that nothing was created.
fn assert_refused(folder: &Folder, remedy: &str) {
    for command in [&["serve"][..], &["doctor"], &["backup", &folder.path("backup.dump")], &["user", "list"]]
    {
        let (code, text) = folder.call(command);
        assert_eq!(code, 1, "{command:?}: {text}");
        assert!(text.contains(remedy), "{command:?}: {text}");
    }
    assert!(!folder.0.join("backup.dump").exists());
}

#[test]
fn a_folder_that_changed_its_place_or_mode_has_the_same_people() {
    let folder = inhabited("moved");
    let data = folder.0.join("data");
    fs::set_permissions(&folder.0, Permissions::from_mode(0o700)).unwrap();
    if rustix::process::geteuid().is_root() {
        assert_refused(&folder, &format!("chmod o+x {}", folder.0.display()));
    }
    fs::set_permissions(&folder.0, Permissions::from_mode(0o755)).unwrap();
    assert_inhabited(&folder);
    let copy = Folder::new("copied");
    assert!(Command::new("cp").arg("-a").arg(&data).arg(&copy.0).status().unwrap().success());
    assert_inhabited(&copy);
    let moved = Folder::new("moved-away");
    fs::rename(&data, moved.0.join("data")).unwrap();
    assert_inhabited(&moved);
}

#[test]
fn a_secret_and_a_cluster_that_lost_each_other_are_refused() {
    let folder = inhabited("parted");
    let secret = folder.0.join("data/jwt_secret");
    let kept = folder.0.join("kept");
    fs::rename(&secret, &kept).unwrap();
    assert_refused(&folder, "put it back, or set HONGYAN_JWT_SECRET");
    fs::write(&secret, "0123456789abcdef0123456789abcdef").unwrap();
    fs::set_permissions(&secret, Permissions::from_mode(0o600)).unwrap();
    let (code, text) = folder.call(&["serve"]);
    assert!(code == 1 && text.contains("does not belong to the cluster"), "{text}");
    fs::rename(&kept, &secret).unwrap();
    fs::set_permissions(&secret, Permissions::from_mode(0o644)).unwrap();
    assert_refused(&folder, "chmod 600");
    fs::set_permissions(&secret, Permissions::from_mode(0o600)).unwrap();
    assert_inhabited(&folder);
    fs::rename(folder.0.join("data/postgres"), &kept).unwrap();
    assert_refused(&folder, "to begin with an empty cluster");
    assert!(!folder.0.join("data/postgres").exists());
    fs::rename(&kept, folder.0.join("data/postgres")).unwrap();
    assert_inhabited(&folder);
}

#[test]
fn the_data_folder_is_private_whatever_the_umask() {
    let folder = Folder::new("umask");
    let mut shell = Command::new("sh");
    let hongyan = env!("CARGO_BIN_EXE_hongyan");
    shell.args(["-c", &format!("umask 0; exec {hongyan} migrate")]).env_clear();
    shell.env("PATH", "/usr/local/bin:/usr/bin:/bin").env("HONGYAN_DATA_DIR", folder.0.join("data"));
    assert!(shell.status().unwrap().success());
    let mode = fs::metadata(folder.0.join("data")).unwrap().mode() & 0o777;
    // Root's cluster runs as the user postgres, which must pass through.
    assert_eq!(mode, if rustix::process::geteuid().is_root() { 0o711 } else { 0o700 });
}
