//! The environment of the server and of its child processes.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use local_postgres::Installation;

use crate::support::{Folder, PASSWORD, Server, run};

/// Variables that libpq obeys. Each of them breaks a connection, or changes what is read or written.
const HOSTILE: [(&str, &str); 8] = [
    ("PGOPTIONS", "-c search_path=nowhere"),
    ("PGSERVICE", "nowhere"),
    ("PGCLIENTENCODING", "GBK"),
    ("PGHOSTADDR", "127.0.0.1"),
    ("PGPORT", "1"),
    ("PGUSER", "nowhere"),
    ("PGDATABASE", "nowhere"),
    ("PGSSLMODE", "verify-full"),
];

#[test]
fn variables_of_libpq_do_not_reach_the_embedded_database() {
    let folder = Folder::new("libpq");
    let mut command = folder.hongyan(&["serve"]);
    let server = Server::run(command.envs(HOSTILE), &folder);
    server.register("alice_1");
    assert!(server.stop().success());
    let backup = folder.path("backup.dump");
    for arguments in [&["doctor"][..], &["user", "list"], &["backup", &backup]] {
        let (code, text) = run(folder.hongyan(arguments).envs(HOSTILE));
        assert_eq!(code, 0, "{arguments:?}: {text}");
        assert!(text.contains("PGOPTIONS"), "{arguments:?} warns: {text}");
    }
    let (code, text) = folder.call(&["user", "list"]);
    assert!(code == 0 && !text.contains("PGOPTIONS"), "{text}");
    let server = Server::start(&folder);
    assert_eq!(server.login("alice_1", PASSWORD)["code"], 200);
}

#[cfg(target_os = "linux")]
#[test]
fn no_child_process_inherits_secrets() {
    let folder = Folder::new("inherited");
    let mut command = folder.hongyan(&["serve"]);
    command.env("HONGYAN_JWT_SECRET", "canary-canary-canary-canary-canary");
    let _server = Server::run(&mut command, &folder);
    let pid = folder.postmaster().unwrap();
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap();
    let environment = String::from_utf8_lossy(&environment);
    assert!(environment.contains("PATH="), "{environment}");
    assert!(!environment.contains("canary") && !environment.contains("HONGYAN"), "{environment}");
}

/// A folder of programs that note their environment in a file and then run the real ones.
fn observed_programs(folder: &Folder) -> (String, String) {
    let (programs, notes) = (folder.path("programs"), folder.path("notes"));
    fs::create_dir(&programs).unwrap();
    fs::write(&notes, "").unwrap();
    let open = |path: &str, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    open(&notes, 0o666);
    open(&programs, 0o755);
    let real = Installation::find().unwrap();
    let of_server = ["initdb", "postgres", "psql", "pg_dump", "pg_restore"].map(|name| real.program(name));
    for program in of_server.into_iter().chain([PathBuf::from("/usr/bin/id")]) {
        let name = program.file_name().unwrap().to_str().unwrap();
        let (wrapper, program) = (format!("{programs}/{name}"), program.display());
        let text = format!("#!/bin/sh\n(echo ran {name}; env) >> {notes}\nexec {program} \"$@\"\n");
        fs::write(&wrapper, text).unwrap();
        open(&wrapper, 0o755);
    }
    (programs, notes)
}

#[test]
fn no_program_that_a_command_runs_inherits_secrets() {
    let folder = Folder::new("programs");
    let (programs, notes) = observed_programs(&folder);
    let backup = folder.path("backup.dump");
    let observed = |arguments: &[&str]| {
        let mut command = folder.hongyan(arguments);
        command.env("PG_BIN", &programs).env("PATH", format!("{programs}:/usr/bin:/bin"));
        command.env("HONGYAN_JWT_SECRET", "canary-canary-canary-canary-canary").env("MINE", "canary");
        command
    };
    assert!(Server::run(&mut observed(&["serve"]), &folder).stop().success());
    for arguments in [&["doctor"][..], &["user", "list"], &["backup", &backup]] {
        let (code, text) = run(&mut observed(arguments));
        assert_eq!(code, 0, "{arguments:?}: {text}");
    }
    let elsewhere = folder.path("elsewhere");
    let (code, text) = run(observed(&["restore", &backup]).env("HONGYAN_DATA_DIR", elsewhere));
    assert_eq!(code, 0, "{text}");
    let notes = fs::read_to_string(notes).unwrap();
    for program in ["initdb", "postgres", "psql", "pg_dump", "pg_restore"] {
        assert!(notes.contains(&format!("ran {program}\n")), "{program} did not run");
    }
    assert!(!notes.contains("canary") && !notes.contains("HONGYAN"), "{notes}");
}

#[test]
fn a_backup_is_written_to_a_new_private_file_only() {
    let folder = Folder::new("prepared");
    assert!(Server::start(&folder).stop().success());
    let backup = folder.path("backup.dump");
    // What another user may have put there beforehand.
    fs::write(format!("{backup}.part"), "prepared").unwrap();
    let (code, text) = folder.call(&["backup", &backup]);
    assert_eq!(code, 0, "{text}");
    assert_eq!(fs::read_to_string(format!("{backup}.part")).unwrap(), "prepared");
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&backup).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
}
