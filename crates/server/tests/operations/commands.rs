//! `migrate`, `doctor` and `user`, with an own cluster that runs or not.

use crate::support::{Folder, PASSWORD, Server, run, run_with_input};

/// The mark of each line of the doctor's.
fn marks(text: &str) -> Vec<(&str, &str)> {
    text.lines()
        .map(|line| {
            let mut words = line.split_whitespace();
            (words.next().unwrap(), words.next().unwrap())
        })
        .collect()
}

#[test]
fn a_schema_is_looked_at_and_brought_up_to_date() {
    let folder = Folder::new("migrate");
    let (code, text) = folder.call(&["migrate", "--check"]);
    assert_eq!(code, 3, "{text}");
    assert!(text.contains("pending 2026-11-26-000001_accounts"), "{text}");
    assert!(!folder.0.join("data").exists(), "looking makes nothing");
    let (code, text) = folder.call(&["migrate"]);
    assert!(code == 0 && text.contains("applied 2026-11-26-000001_accounts"), "{text}");
    assert_eq!(folder.call(&["migrate", "--check"]), (0, "the schema is up to date\n".to_owned()));
    assert!(folder.postmaster().is_none(), "a cluster that did not run is left so");
}

#[test]
fn the_doctor_examines_everything_and_fails_only_when_something_is_to_be_mended() {
    let folder = Folder::new("doctor");
    let (code, text) = folder.call(&["doctor"]);
    assert_eq!((code, marks(&text).last()), (0, Some(&("warn", "database"))), "{text}");
    let server = Server::start(&folder);
    let (code, text) = folder.call(&["doctor"]);
    assert_eq!(code, 0, "{text}");
    let found: Vec<_> = marks(&text).into_iter().map(|(_, what)| what).collect();
    let expected =
        ["signing", "disk", "database", "schema", "durability", "clock", "connections", "messages"];
    assert_eq!(found, expected, "{text}");
    assert!(marks(&text).iter().all(|(mark, what)| *mark == "ok" || *what == "disk"), "{text}");
    assert_eq!(server.get("/readyz", "")["code"], 200, "the server is not disturbed");
    let mut narrow = folder.hongyan(&["doctor", "--db-pool-size", "1000"]);
    let (code, text) = run(narrow.env("DATABASE_URL", folder.database_url()));
    assert_eq!(code, 1, "{text}");
    assert!(marks(&text).contains(&("fail", "connections")), "{text}");
    assert!(marks(&text).contains(&("fail", "signing")), "{text}");
    assert!(server.stop().success());
    let mut away = folder.hongyan(&["doctor"]);
    let (code, text) = run(away.env("DATABASE_URL", folder.database_url()));
    assert!(code == 1 && marks(&text).contains(&("fail", "database")), "{text}");
}

#[test]
fn accounts_are_made_and_listed_whether_the_server_runs_or_not() {
    let folder = Folder::new("user");
    let (code, text) = folder.call(&["user", "list"]);
    assert!(code == 1 && text.contains("there is no database yet"), "{text}");
    let server = Server::start(&folder);
    let typed = format!("{PASSWORD}\n");
    let create = |arguments: &[&str], typed: &str| {
        run_with_input(&mut folder.hongyan(&[&["user", "create"], arguments].concat()), typed)
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
    let made_up = text.lines().find_map(|line| line.strip_prefix("password: ")).unwrap().to_owned();
    // The other stream tells what the database has to say.
    let output = folder.hongyan(&["user", "list"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let rows: Vec<Vec<&str>> = text.lines().skip(1).map(|line| line.split('\t').collect()).collect();
    assert!(rows.iter().all(|row| row.len() == 6), "{text}");
    let shown: Vec<_> = rows.iter().map(|row| (row[1], row[2], row[4], row[5])).collect();
    // Alice is logged in; making an account leaves no session behind.
    assert_eq!(shown, [("active", "1", "alice_01", "爱丽丝"), ("active", "0", "bob_0001", "bob_0001")]);
    assert!(!text.contains("13800138000"), "a phone number is shown to nobody");
    let server = Server::start(&folder);
    assert_eq!(server.login("bob_0001", &made_up)["code"], 200);
    assert!(server.stop().success());
}

#[test]
fn an_operator_resets_passwords_ends_sessions_and_keeps_people_out() {
    let folder = Folder::new("operator");
    let server = Server::start(&folder);
    let alice = server.register("alice_01");
    let refresh = |tokens: &serde_json::Value| {
        let token = tokens["token_class"]["refresh_token"].as_str().unwrap();
        server.post("/auth/refresh_token", token, &serde_json::json!({}))["code"].clone()
    };
    let (code, text) = folder.call(&["user", "end-sessions", "ALICE_01"]);
    assert_eq!((code, text.as_str()), (0, "1 sessions were ended\n"));
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
        assert!(code == 1 && text.contains("there is no such user"), "{command}: {text}");
    }
    assert!(server.stop().success());
}
