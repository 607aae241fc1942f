//! `doctor`: what it finds, and what it says to do.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use crate::support::{Folder, SECRET, Server, run};

/// Severity and subject of each finding of `doctor`.
fn findings(text: &str) -> Vec<(&str, &str)> {
    text.lines()
        .map(|line| {
            let mut words = line.split_whitespace();
            (words.next().unwrap(), words.next().unwrap())
        })
        .collect()
}

#[test]
fn doctor_checks_everything_and_fails_only_on_a_defect() {
    let folder = Folder::new("doctor");
    let (code, text) = folder.call(&["doctor"]);
    assert_eq!((code, findings(&text).last()), (0, Some(&("warn", "database"))), "{text}");
    let server = Server::start(&folder);
    let (code, text) = folder.call(&["doctor", "--bcrypt-cost", "12"]);
    assert_eq!(code, 0, "{text}");
    let subjects: Vec<_> = findings(&text).into_iter().map(|(_, what)| what).collect();
    let database = ["database", "schema", "durability", "clock", "connections", "messages"];
    assert_eq!(
        subjects,
        [&["signing", "disk", "data", "path", "cluster", "logs"][..], &database].concat(),
        "{text}"
    );
    assert!(findings(&text).iter().all(|(mark, what)| *mark == "ok" || *what == "disk"), "{text}");
    assert_eq!(server.get("/readyz", "")["code"], 200, "the server keeps serving");
    let mut narrow = folder.hongyan(&["doctor", "--db-pool-size", "1000"]);
    let (code, text) = run(narrow.env("DATABASE_URL", folder.database_url()));
    assert_eq!(code, 1, "{text}");
    assert!(findings(&text).contains(&("fail", "connections")), "{text}");
    assert!(findings(&text).contains(&("fail", "signing")), "{text}");
    assert!(server.stop().success());
    let mut away = folder.hongyan(&["doctor"]);
    let (code, text) = run(away.env("DATABASE_URL", folder.database_url()));
    assert!(code == 1 && findings(&text).contains(&("fail", "database")), "{text}");
}

#[test]
fn doctor_says_what_to_do_about_files_and_settings() {
    let folder = Folder::new("doctor-files");
    assert_eq!(folder.call(&["migrate"]).0, 0);
    let data = folder.0.join("data");
    let backup = folder.path("data/old.dump");
    std::fs::write(&backup, "").unwrap();
    let mode =
        |path: &std::path::Path, mode| std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    let previous = std::fs::metadata(&data).unwrap().permissions().mode();
    mode(&data, previous | 0o022);
    mode(backup.as_ref(), 0o644);
    let mut doctor = folder.hongyan(&["doctor", "--trusted-proxies", "0.0.0.0/0", "--bind", "0.0.0.0:80"]);
    doctor.env("HONGYAN_BINT", "x").env("HONGYAN_QUOTA_LOOKUPS_PER_MINUTE", "0");
    let (code, text) = run(&mut doctor);
    assert_eq!(code, 1, "{text}");
    for (mark, subject, remedy) in [
        ("fail", "data", "chmod go-w"),
        ("fail", "backups", "chmod 600"),
        ("warn", "proxies", "name your proxies only"),
        ("warn", "setting", "did you mean HONGYAN_BIND?"),
        ("warn", "passwords", "HONGYAN_BCRYPT_COST"),
        ("note", "registering", "0.0.0.0:80"),
        ("note", "quotas", "lookups"),
        ("note", "cluster", "the next start"),
    ] {
        assert!(findings(&text).contains(&(mark, subject)), "{mark} {subject}: {text}");
        assert!(text.contains(remedy), "{remedy}: {text}");
    }
    mode(&data, previous);
    mode(backup.as_ref(), 0o600);
    let (code, text) = folder.call(&["doctor"]);
    assert!(code == 0 && findings(&text).contains(&("ok", "backups")), "{text}");
}

#[test]
fn doctor_fails_on_a_settings_file_whose_secret_others_can_read() {
    let folder = Folder::new("doctor-secrets");
    let mode = |name: &str, mode| {
        std::fs::set_permissions(folder.path(name), Permissions::from_mode(mode)).unwrap();
    };
    let doctor = || {
        let mut doctor = folder.hongyan(&["doctor", "--config", "hongyan.toml"]);
        let (code, text) = run(doctor.current_dir(&folder.0));
        let found = findings(&text).into_iter().filter(|(_, subject)| *subject == "secrets");
        (code, found.map(|(mark, _)| mark.to_owned()).collect::<Vec<_>>(), text)
    };
    std::fs::write(folder.path("hongyan.toml"), "bcrypt_cost = 12").unwrap();
    std::fs::write(folder.path(".env"), "HONGYAN_BIND=127.0.0.1:1").unwrap();
    mode("hongyan.toml", 0o644);
    let (code, found, text) = doctor();
    assert_eq!((code, found.len()), (0, 0), "without a secret: {text}");
    std::fs::write(folder.path("hongyan.toml"), format!("jwt_secret = '{SECRET}'")).unwrap();
    std::fs::write(folder.path(".env"), format!("HONGYAN_JWT_SECRET={SECRET}")).unwrap();
    mode(".env", 0o600);
    let (code, found, text) = doctor();
    assert_eq!((code, found), (1, vec!["ok".to_owned(), "fail".to_owned()]), "{text}");
    assert!(text.contains("chmod 600 hongyan.toml") && !text.contains(SECRET), "{text}");
    mode("hongyan.toml", 0o600);
    let (code, found, text) = doctor();
    assert_eq!((code, found), (0, vec!["ok".to_owned(), "ok".to_owned()]), "{text}");
}
