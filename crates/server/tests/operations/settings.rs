//! Settings: where they come from, and what is said of those that cannot be used.

use crate::support::{Folder, run};

#[test]
fn the_version_names_the_commit_where_it_is_known() {
    let folder = Folder::new("version");
    let (code, text) = folder.call(&["--version"]);
    let git = |arguments: &[&str]| {
        let output = std::process::Command::new("git").args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned())
    };
    assert_eq!(code, 0);
    assert!(text.starts_with(&format!("hongyan {}", env!("CARGO_PKG_VERSION"))), "{text}");
    // Outside a repository there is nothing to compare with.
    if git(&["ls-files", "--error-unmatch", "build.rs"]).is_some() {
        let (_, commit) = text.trim().split_once(" (").expect("a commit");
        let commit = commit.trim_end_matches(')');
        assert!(
            commit.len() == 12 && git(&["cat-file", "-t", commit]).as_deref() == Some("commit"),
            "{text}"
        );
    }
}

#[test]
fn help_tells_commands_settings_and_exit_codes() {
    let (code, text) = Folder::new("help").call(&["--help"]);
    assert_eq!(code, 0);
    for word in ["serve", "doctor", "backup", "restore", "Settings:", "HONGYAN_BIND", "Exit codes:"] {
        assert!(text.contains(word), "{word} is missing: {text}");
    }
}

#[test]
fn the_api_is_described_without_a_database() {
    let folder = Folder::new("openapi");
    let (code, text) = folder.call(&["openapi"]);
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, document["openapi"].as_str()), (0, Some("3.1.0")));
    assert!(!folder.0.join("data").exists(), "nothing was begun");
}

#[test]
fn every_setting_is_printed_with_its_origin_and_secrets_are_masked() {
    let folder = Folder::new("print");
    let file = folder.path("hongyan.toml");
    std::fs::write(
        &file,
        "\njwt_previous_secret = 'canary-canary-canary-canary-canary'\nrecall_window_seconds = 7\n",
    )
    .unwrap();
    let mut command = folder.hongyan(&["config", "print", "--config", &file, "--bcrypt-cost", "5"]);
    command.env("DATABASE_URL", "postgresql://me:canary@db.example/chat");
    command.env("HONGYAN_JWT_SECRET", "canary-canary-canary-canary-canary");
    let (code, text) = run(&mut command);
    assert_eq!(code, 0, "{text}");
    assert!(!text.contains("canary"), "{text}");
    let line = |name: &str| {
        let line = text.lines().find(|line| line.split(' ').next() == Some(name)).unwrap();
        line.split_whitespace().skip(1).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(line("DATABASE_URL"), "postgresql://***@db.example/chat environment DATABASE_URL");
    assert_eq!(line("HONGYAN_JWT_SECRET"), "*** (34 bytes) environment HONGYAN_JWT_SECRET");
    assert_eq!(line("HONGYAN_JWT_PREVIOUS_SECRET"), format!("*** (34 bytes) {file}:2"));
    assert_eq!(line("HONGYAN_RECALL_WINDOW_SECONDS"), format!("7 {file}:3"));
    assert_eq!(line("HONGYAN_BCRYPT_COST"), "5 flag --bcrypt-cost");
    assert_eq!(line("HONGYAN_SHUTDOWN_SECONDS"), "30 default");
}

#[test]
fn settings_are_checked_without_beginning_anything() {
    let folder = Folder::new("check");
    assert_eq!(folder.call(&["config", "check"]), (0, "the settings can be used\n".to_owned()));
    let file = folder.path("hongyan.toml");
    for (text, said) in [
        (
            "bind = '127.0.0.1:1'\n\nbnid = 'x'",
            format!("{file}:3: unknown key \"bnid\"; there are access_token_seconds,"),
        ),
        ("bcrypt_cost = 99", format!("{file}:1: bcrypt_cost: ")),
        ("bind = ", format!("{file}:1: ")),
        ("jwt_secret = 'canary'", format!("HONGYAN_JWT_SECRET ({file}:1) needs at least 32 bytes")),
    ] {
        std::fs::write(&file, text).unwrap();
        for command in [&["config", "check"][..], &["serve"], &[]] {
            let (code, heard) = folder.call(&[command, &["--config", &file]].concat());
            assert_eq!(code, 2, "{text}: {heard}");
            assert!(heard.contains(&said) && !heard.contains("canary"), "{text}: {heard}");
        }
    }
    let (code, heard) = run(folder.hongyan(&["doctor"]).env("HONGYAN_BCRYPT_COST", "99"));
    assert!(
        code == 2 && heard.contains("HONGYAN_BCRYPT_COST (environment)") && heard.contains("4..=31"),
        "{heard}"
    );
    let (code, heard) = run(folder.hongyan(&["config", "check"]).env("HONGYAN_LOG", "a=b=c"));
    assert!(code == 2 && heard.contains("HONGYAN_LOG"), "{heard}");
    assert!(!folder.0.join("data").exists());
}

#[test]
fn an_unknown_command_is_refused_as_a_wrong_flag_is() {
    let folder = Folder::new("unknown");
    for arguments in [&["sreve"][..], &["--no-such-flag"], &["backup"], &["user", "create"]] {
        assert_eq!(folder.call(arguments).0, 2, "{arguments:?}");
    }
}
