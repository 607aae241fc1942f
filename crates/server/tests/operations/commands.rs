//! `migrate` and `user`, with a running and with a stopped embedded cluster.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

use crate::support::{Folder, PASSWORD, Server, eventually, execute, run, run_with_input};

#[test]
fn migrate_checks_and_applies_pending_migrations() {
    let folder = Folder::new("migrate");
    let (code, text) = folder.call(&["migrate", "--check"]);
    assert_eq!(code, 3, "{text}");
    assert!(text.contains("pending 2026-11-26-000001_accounts"), "{text}");
    assert!(!folder.0.join("data").exists(), "a check creates nothing");
    let (code, text) = folder.call(&["migrate"]);
    assert!(code == 0 && text.contains("applied 2026-11-26-000001_accounts"), "{text}");
    assert_eq!(folder.call(&["migrate", "--check"]), (0, "the schema is up to date\n".to_owned()));
    assert!(folder.postmaster().is_none(), "a stopped cluster is stopped again");
}

#[test]
fn accounts_are_created_and_listed_with_and_without_a_server() {
    let folder = Folder::new("user");
    let (code, text) = folder.call(&["user", "list"]);
    assert!(code == 1 && text.contains("there is no database yet"), "{text}");
    let server = Server::start(&folder);
    let typed = format!("{PASSWORD}\n");
    let create = |arguments: &[&str], typed: &str| {
        let mut command = folder.hongyan(&[&["user", "create"], arguments].concat());
        run_with_input(command.env("HONGYAN_LOG", "audit=off"), typed)
    };
    let (code, text) = create(&["alice_01", "--name", "爱丽丝", "--phone-number", "13800138000"], &typed);
    assert!(code == 0 && text.trim().ends_with(" alice_01"), "{text}");
    assert_eq!(server.login("alice_01", PASSWORD)["data"]["user_info"]["name"], "爱丽丝");
    for (arguments, typed, why) in [
        (&["Alice_01"][..], typed.as_str(), "uid"),
        (&["bob_0001", "--phone-number", "13800138000"], &typed, "phone number"),
        (&["bob_0001"], "short\n", "password"),
        (&["1bob"], &typed, "uid"),
    ] {
        let (code, text) = create(arguments, typed);
        assert!(code == 1 && text.contains(why), "{arguments:?}: {text}");
    }
    assert!(server.stop().success());
    let (code, text) = create(&["bob_0001", "--generate-password"], "");
    assert_eq!(code, 0, "{text}");
    let generated = text.lines().find_map(|line| line.strip_prefix("password: ")).unwrap().to_owned();
    // Standard error holds PostgreSQL's messages.
    let output = folder.hongyan(&["user", "list"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let rows: Vec<Vec<&str>> = text.lines().skip(1).map(|line| line.split('\t').collect()).collect();
    assert!(rows.iter().all(|row| row.len() == 6), "{text}");
    let shown: Vec<_> = rows.iter().map(|row| (row[1], row[2], row[4], row[5])).collect();
    // Alice is logged in; creating an account leaves no open session.
    assert_eq!(shown, [("active", "1", "alice_01", "爱丽丝"), ("active", "0", "bob_0001", "bob_0001")]);
    assert!(!text.contains("13800138000"), "a phone number is listed");
    let server = Server::start(&folder);
    assert_eq!(server.login("bob_0001", &generated)["code"], 200);
    assert!(server.stop().success());
}

#[test]
fn a_name_cannot_steer_the_terminal_that_lists_it() {
    let folder = Folder::with_database("hostile");
    let server = Server::start(&folder);
    server.register("bob_0001");
    // A name that an earlier release accepted.
    let hostile = "UPDATE users SET name = E'a\\u202eb\\u2028c\\u2066d' WHERE uid = 'bob_0001'";
    execute(&folder.database_url(), hostile);
    let text = folder.call(&["user", "list"]).1;
    assert!(text.contains("\ta\\u{202e}b\\u{2028}c\\u{2066}d\n"), "{text}");
    assert!(server.stop().success());
}

#[test]
fn a_command_that_stops_the_cluster_warns_of_no_lost_connection() {
    let folder = Folder::new("quiet");
    assert_eq!(folder.call(&["migrate"]).0, 0);
    for arguments in
        [&["user", "create", "bob_0001"][..], &["user", "disable", "bob_0001"], &["user", "list"]]
    {
        for _ in 0..3 {
            let (_, text) = run_with_input(&mut folder.hongyan(arguments), "short\n");
            assert!(!text.contains("WARN") && !text.contains("FATAL"), "{arguments:?}: {text}");
        }
    }
}

#[test]
fn an_operator_resets_passwords_ends_sessions_and_disables() {
    let folder = Folder::with_database("operator");
    let server = Server::start(&folder);
    let alice = server.register("alice_01");
    let refresh = |tokens: &serde_json::Value| {
        let token = tokens["token_class"]["refresh_token"].as_str().unwrap();
        server.post("/auth/refresh_token", token, &serde_json::json!({}))["code"].clone()
    };
    let mut end = folder.hongyan(&["user", "end-sessions", "ALICE_01"]);
    let (code, text) = run(end.env("HONGYAN_LOG", "audit=off"));
    assert_eq!((code, text.as_str()), (0, "sessions ended: 1\n"));
    assert_eq!(refresh(&alice), 401);
    let again = server.login("alice_01", PASSWORD)["data"].clone();
    let new = "another horse 电池\n";
    let (code, text) = run_with_input(&mut folder.hongyan(&["user", "reset-password", "alice_01"]), new);
    assert_eq!(code, 0, "{text}");
    assert_eq!(
        (refresh(&again), server.login("alice_01", PASSWORD)["code"].clone()),
        (401.into(), 401.into())
    );
    let again = server.login("alice_01", new.trim())["data"].clone();
    assert_eq!(folder.call(&["user", "disable", "alice_01"]).0, 0);
    assert_eq!(
        (refresh(&again), server.login("alice_01", new.trim())["code"].clone()),
        (401.into(), 401.into())
    );
    assert!(folder.call(&["user", "list"]).1.contains("\tdisabled\t0\t"));
    assert_eq!(folder.call(&["user", "enable", "alice_01"]).0, 0);
    assert_eq!(server.login("alice_01", new.trim())["code"], 200);
    for command in ["reset-password", "disable", "enable", "end-sessions"] {
        let (code, text) = folder.call(&["user", command, "nobody_1"]);
        assert!(code == 1 && text.contains("the user does not exist"), "{command}: {text}");
    }
    assert!(server.stop().success());
}

#[test]
fn an_invite_is_created_used_listed_and_revoked() {
    let folder = Folder::new("invite");
    let (code, text) = folder.call(&["invite", "list"]);
    assert!(code == 1 && text.contains("there is no database yet"), "{text}");
    let server = Server::run(folder.hongyan(&["serve"]).env("HONGYAN_REGISTRATION", "invite"), &folder);
    let create = |arguments: &[&str]| {
        let (code, text) = folder.call(&[&["invite", "create"], arguments].concat());
        assert_eq!(code, 0, "{text}");
        text.lines().next().unwrap().to_owned()
    };
    let (one, two) = (create(&[]), create(&["--uses", "2", "--days", "30"]));
    let register = |uid: &str, code: &str| {
        let body = serde_json::json!({"name": uid, "uid": uid, "password": PASSWORD, "invite_code": code});
        server.post("/api/register", "", &body)["code"].clone()
    };
    assert_eq!((register("goose_01", &one), register("goose_02", &one)), (200.into(), 400.into()));
    assert_eq!(register("goose_02", &two), 200);
    let (code, text) = folder.call(&["invite", "list"]);
    assert_eq!(code, 0, "{text}");
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["id", "state", "used", "created", "expires"]);
    assert_eq!(
        (&rows[1][..4], &rows[2][..3]),
        (&[&one[..5], "used", "up", "1/1"][..], &[&two[..5], "open", "1/2"][..])
    );
    assert!(!text.contains(&two[6..]), "a code is listed");
    assert_eq!(folder.call(&["invite", "revoke", &two]).0, 0);
    assert_eq!(register("goose_03", &two), 400);
    let (code, text) = folder.call(&["invite", "revoke", &two[..5]]);
    assert!(code == 1 && text.contains("there is no such invite"), "{text}");
    let typed = format!("{PASSWORD}\n");
    let (code, text) = run_with_input(&mut folder.hongyan(&["user", "create", "admin_01"]), &typed);
    assert_eq!(code, 0, "an operator needs no invite and can use every uid: {text}");
    let (code, text) = run_with_input(&mut folder.hongyan(&["user", "create", "goose_2026"]), "Goose_2026\n");
    assert!(code == 1 && text.contains("the password is not valid"), "{text}");
    assert!(server.stop().success());
}

/// A command with a new pseudo-terminal as its controlling terminal and standard input.
fn at_a_terminal(command: &Command) -> (Child, File, File) {
    let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&controller).unwrap();
    unlockpt(&controller).unwrap();
    let path = ptsname(&controller, Vec::new()).unwrap();
    let terminal = File::options().read(true).write(true).open(path.to_str().unwrap()).unwrap();
    let mut in_session = Command::new("setsid");
    in_session.args(["--ctty", "--wait"]).arg(command.get_program()).args(command.get_args());
    in_session.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    in_session.stdin(terminal.try_clone().unwrap()).stdout(Stdio::piped()).stderr(Stdio::piped());
    (in_session.spawn().unwrap(), File::from(controller), terminal)
}

/// Reads from a terminal until it shows a text.
fn read_until(controller: &mut File, expected: &str) -> String {
    let mut shown = String::new();
    while !shown.ends_with(expected) {
        let mut buffer = [0; 256];
        let length = controller.read(&mut buffer).unwrap();
        shown.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
    }
    shown
}

#[test]
fn a_terminal_prompts_twice_without_echo_and_survives_ctrl_c() {
    let folder = Folder::with_database("prompt");
    assert_eq!(folder.call(&["migrate"]).0, 0);
    for (first, second, expected) in [
        ("correct horse\n", "correct horse\n", " alice_01"),
        ("correct horse\n", "correct house\n", "the two passwords differ"),
        ("correct horse\n", "\u{3}", "interrupted"),
    ] {
        let uid = if expected == " alice_01" { "alice_01" } else { "bob_0001" };
        let (child, mut controller, terminal) = at_a_terminal(&folder.hongyan(&["user", "create", uid]));
        let before = tcgetattr(&terminal).unwrap().local_modes;
        let is_hidden = || !tcgetattr(&terminal).unwrap().local_modes.contains(LocalModes::ECHO);
        let mut shown = read_until(&mut controller, "password: ");
        eventually("the terminal echoes", is_hidden);
        controller.write_all(first.as_bytes()).unwrap();
        shown += &read_until(&mut controller, "repeat the password: ");
        eventually("the terminal echoes", is_hidden);
        controller.write_all(second.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(text.contains(expected), "{text}");
        assert_eq!(output.status.code(), Some(i32::from(expected != " alice_01")), "{text}");
        assert!(!shown.contains("horse"), "{shown}");
        assert_eq!(tcgetattr(&terminal).unwrap().local_modes, before, "the terminal is not restored");
    }
}
