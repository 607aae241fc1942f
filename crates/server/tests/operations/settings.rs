//! Settings: their sources, their reference, and the errors of invalid ones.

use crate::support::{Folder, Server, run};

#[test]
fn the_version_names_the_commit_if_it_is_known() {
    let folder = Folder::new("version");
    let (code, text) = folder.call(&["--version"]);
    let git = |arguments: &[&str]| {
        let output = std::process::Command::new("git").args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned())
    };
    assert_eq!(code, 0);
    assert!(text.starts_with(&format!("hongyan {}", env!("CARGO_PKG_VERSION"))), "{text}");
    // Outside a repository there is no commit to compare with.
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
fn help_names_commands_settings_and_exit_codes() {
    let (code, text) = Folder::new("help").call(&["--help"]);
    assert_eq!(code, 0);
    for word in ["serve", "doctor", "backup", "restore", "Exit codes:"] {
        assert!(text.contains(word), "{word} is missing: {text}");
    }
    let (code, text) = Folder::new("help").call(&["serve", "--help"]);
    assert!(code == 0 && text.contains("Settings:") && text.contains("HONGYAN_BIND"), "{text}");
}

#[test]
fn the_openapi_document_needs_no_database() {
    let folder = Folder::new("openapi");
    let (code, text) = folder.call(&["openapi"]);
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, document["openapi"].as_str()), (0, Some("3.1.0")));
    assert!(!folder.0.join("data").exists(), "nothing is created");
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
fn settings_are_checked_without_creating_anything() {
    let folder = Folder::new("check");
    assert_eq!(folder.call(&["config", "check"]), (0, "the settings are valid\n".to_owned()));
    let file = folder.path("hongyan.toml");
    for (text, expected) in [
        (
            "bind = '127.0.0.1:1'\n\nbnid = 'x'",
            format!("{file}:3: unknown key \"bnid\"; valid keys: access_token_seconds,"),
        ),
        ("bcrypt_cost = 99", format!("{file}:1: bcrypt_cost: ")),
        ("bind = ", format!("{file}:1: ")),
        ("jwt_secret = 'canary'", format!("HONGYAN_JWT_SECRET ({file}:1) needs at least 32 bytes")),
    ] {
        std::fs::write(&file, text).unwrap();
        for command in [&["config", "check"][..], &["serve"], &[]] {
            let (code, output) = folder.call(&[command, &["--config", &file]].concat());
            assert_eq!(code, 2, "{text}: {output}");
            assert!(output.contains(&expected) && !output.contains("canary"), "{text}: {output}");
        }
    }
    let (code, output) = run(folder.hongyan(&["doctor"]).env("HONGYAN_BCRYPT_COST", "99"));
    assert!(
        code == 2 && output.contains("HONGYAN_BCRYPT_COST (environment)") && output.contains("4..=31"),
        "{output}"
    );
    let (code, output) = run(folder.hongyan(&["config", "check"]).env("HONGYAN_LOG", "a=b=c"));
    assert!(code == 2 && output.contains("HONGYAN_LOG"), "{output}");
    assert!(!folder.0.join("data").exists());
}

#[test]
fn a_misspelt_variable_is_warned_of_with_the_nearest_setting() {
    let folder = Folder::new("misspelt");
    let expected =
        "HONGYAN_TRUSTED_PROXY is not a setting and is ignored; did you mean HONGYAN_TRUSTED_PROXIES?";
    let mut command = folder.hongyan(&["serve"]);
    let server = Server::run(command.env("HONGYAN_TRUSTED_PROXY", "10.0.0.0/8"), &folder);
    let log = std::fs::read_to_string(folder.0.join("log")).unwrap();
    assert_eq!(log.matches(expected).count(), 1, "{log}");
    for arguments in [&["doctor"][..], &["user", "list"], &["config", "check"]] {
        let (code, text) = run(folder.hongyan(arguments).env("HONGYAN_TRUSTED_PROXY", "10.0.0.0/8"));
        assert_eq!((code, text.matches(expected).count()), (0, 1), "{arguments:?}: {text}");
    }
    assert!(server.stop().success());
    assert!(!std::fs::read_to_string(folder.0.join("log")).unwrap().contains("HONGYAN_BIND is not"));
}

#[test]
fn risky_settings_are_warned_of_at_the_start() {
    let folder = Folder::with_database("risky");
    let mut command =
        folder.hongyan(&["serve", "--trusted-proxies", "10.0.0.0/8,::/0", "--bcrypt-cost", "4"]);
    let server = Server::run(command.env("HONGYAN_JWT_SECRET", "x".repeat(64)), &folder);
    assert!(server.stop().success());
    let log = std::fs::read_to_string(folder.0.join("log")).unwrap();
    for words in
        ["HONGYAN_TRUSTED_PROXIES trusts all", "HONGYAN_JWT_SECRET is guessable", "HONGYAN_BCRYPT_COST is"]
    {
        assert!(log.lines().any(|line| line.contains("WARN") && line.contains(words)), "{words}: {log}");
    }
}

#[test]
fn a_secret_of_a_file_is_the_secret_of_a_variable() {
    let folder = Folder::new("secret-file");
    let (secret, file) = ("a secret for tests only, of more than 32 bytes", folder.path("secret"));
    std::fs::write(&file, format!("{secret}\n")).unwrap();
    let mut command = folder.hongyan(&["serve"]);
    let server = Server::run(command.env("HONGYAN_JWT_SECRET_FILE", &file), &folder);
    let token = server.person("alice_1").token;
    assert!(server.stop().success());
    let mut command = folder.hongyan(&["serve"]);
    let server = Server::run(command.env("HONGYAN_JWT_SECRET", format!(" {secret}\n")), &folder);
    assert_eq!(server.get("/api/auth/me", &token)["code"], 200, "its token is valid");
    let (code, text) = run(folder.hongyan(&["config", "print"]).env("HONGYAN_JWT_SECRET_FILE", &file));
    assert!(code == 0 && text.contains(&format!("file {file}")) && !text.contains(secret), "{text}");
}

#[test]
fn unknown_commands_and_flags_exit_with_2() {
    let folder = Folder::new("unknown");
    for arguments in [&["sreve"][..], &["--no-such-flag"], &["backup"], &["user", "create"]] {
        assert_eq!(folder.call(arguments).0, 2, "{arguments:?}");
    }
}

#[test]
fn an_invalid_setting_stops_the_start_with_its_name() {
    let folder = Folder::new("settings");
    for (name, value, expected) in [
        ("HONGYAN_BCRYPT_COST", "99", "4..=31"),
        ("HONGYAN_BIND", "nowhere", "--bind"),
        ("HONGYAN_JWT_SECRET", "short", "for example"),
        ("DATABASE_URL", "postgres://127.0.0.1/x", "HONGYAN_JWT_SECRET must be set"),
        ("DATABASE_URL", "postgres://me:a/b@127.0.0.1/x", "encode '@' as %40"),
        ("HONGYAN_LOG", "a=b=c", "HONGYAN_LOG"),
        ("HONGYAN_CORS_ORIGINS", "https://chat.example/", "no path and no trailing slash"),
        ("HONGYAN_CONFIG", "/no/such/file", "/no/such/file"),
    ] {
        let (code, text) = run(folder.hongyan(&[]).env(name, value));
        assert_eq!(code, 2, "{name}: {text}");
        assert!(text.contains(expected), "{name}: {text}");
    }
    assert!(!folder.0.join("data").exists(), "nothing is created");
}

#[test]
fn the_reference_of_settings_is_up_to_date() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let folder = Folder::new("reference");
    for (file, flag) in [("README.md", "--markdown"), (".env.example", "--env")] {
        let text = std::fs::read_to_string(format!("{root}/{file}")).unwrap();
        let (code, reference) = folder.call(&["config", "print", flag]);
        assert_eq!(code, 0);
        assert!(
            text.contains(&reference),
            "{file} lacks the output of `hongyan config print {flag}`:\n{reference}"
        );
    }
}
