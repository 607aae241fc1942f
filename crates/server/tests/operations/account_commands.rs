//! Commands that list, show and erase accounts, beside a running server; and the JSON of every command that lists or shows.

use serde_json::{Value, json};

use crate::support::{Folder, PASSWORD, Server, eventually, execute, run, run_with_input};

/// What a command prints to standard output, as JSON, with its exit code.
fn json_of(folder: &Folder, arguments: &[&str]) -> (i32, Value) {
    let output = folder.hongyan(arguments).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let document =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {text}"));
    (output.status.code().unwrap(), document)
}

#[test]
fn accounts_are_listed_in_parts_shown_and_erased() {
    let folder = Folder::with_database("account-commands");
    let server = Server::start(&folder);
    let (alice, bob) = (server.person("alice_01"), server.person("bob_0001"));
    server.befriend(&alice, &bob);
    server.person("carol_01");

    let uids = |arguments: &[&str]| {
        let (code, accounts) = json_of(&folder, &[&["user", "list", "--json"], arguments].concat());
        assert_eq!(code, 0);
        accounts.as_array().unwrap().iter().map(|account| account["uid"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(uids(&[]), ["alice_01", "bob_0001", "carol_01"]);
    assert_eq!(uids(&["--limit", "2"]), ["alice_01", "bob_0001"]);
    assert_eq!(uids(&["--limit", "2", "--after", &bob.id]), ["carol_01"]);
    assert_eq!(uids(&["--after", "CAROL_01"]), Value::from(Vec::<Value>::new()).as_array().unwrap().clone());
    let (code, text) = folder.call(&["user", "list", "--limit", "1"]);
    assert!(code == 0 && text.contains(&format!("more accounts follow: --after {}", alice.id)), "{text}");

    let (code, shown) = json_of(&folder, &["user", "show", "bob_0001", "--json"]);
    assert_eq!((code, &shown["user_id"], &shown["friends"]), (0, &json!(bob.id), &json!(1)), "{shown}");
    let (code, text) = folder.call(&["user", "show", &bob.id]);
    assert!(code == 0 && text.contains("friends    1\n") && text.contains("bob_0001"), "{text}");

    let (code, text) = run_with_input(&mut folder.hongyan(&["user", "erase", "bob_0001"]), "bob_0001\n");
    assert!(code == 1 && text.contains("nothing was changed") && text.contains("--yes"), "{text}");
    assert_eq!(server.login("bob_0001", PASSWORD)["code"], 200);
    let (code, text) = folder.call(&["user", "erase", "bob_0001", "--yes"]);
    assert!(code == 0 && text.contains("bob_0001 erased"), "{text}");
    assert!(text.contains("an operator ran a command") && text.contains("user erase"), "{text}");
    assert_eq!(server.login("bob_0001", PASSWORD)["code"], 401);
    eventually("the data of an erased account stays", || {
        json_of(&folder, &["user", "show", &bob.id, "--json"]).1["erasure"] == "finished"
    });
    assert_eq!(server.get("/api/auth/friendships", &alice.token)["data"], json!([]));
    for account in ["bob_0001", bob.id.as_str()] {
        let (code, text) = folder.call(&["user", "erase", account, "--yes"]);
        assert!(code == 1 && text.contains("the user does not exist"), "{text}");
    }

    each_report_is_also_json(&folder);
    an_older_schema_is_refused_with_the_remedy(&folder);
    assert!(server.stop().success());
}

#[test]
fn a_database_that_cannot_be_reached_is_one_line_and_no_alarm() {
    let folder = Folder::new("unreachable");
    for arguments in [&["user", "list"][..], &["user", "erase", "alice_01", "--yes"], &["invite", "list"]] {
        let mut command = folder.hongyan(arguments);
        let (code, text) = run(command.env("DATABASE_URL", "postgres://u:canary@127.0.0.1:1/x"));
        assert!(code == 1 && text.starts_with("hongyan: the database cannot be reached: "), "{text}");
        assert!(text.lines().count() == 1 && !text.contains("canary"), "{text}");
    }
}

fn an_older_schema_is_refused_with_the_remedy(folder: &Folder) {
    let newest = "DELETE FROM __diesel_schema_migrations
                   WHERE version = (SELECT max(version) FROM __diesel_schema_migrations)";
    execute(&folder.database_url(), newest);
    let (code, text) = folder.call(&["user", "list"]);
    assert!(code == 1 && text.contains("(migrations pending: 1); `hongyan migrate`"), "{text}");
}

fn each_report_is_also_json(folder: &Folder) {
    let (code, findings) = json_of(folder, &["doctor", "--json"]);
    let subjects: Vec<&str> =
        findings.as_array().unwrap().iter().map(|finding| finding["subject"].as_str().unwrap()).collect();
    // The tests' cluster is not durable, which is a failure.
    assert!(code == 1 && subjects.contains(&"schema") && subjects.contains(&"disk"), "{findings}");
    assert_eq!(
        json_of(folder, &["migrate", "--check", "--json"]),
        (0, json!({"pending": [], "unknown": []}))
    );
    let (code, text) = folder.call(&["migrate", "--json"]);
    assert!(code == 2 && text.contains("--check"), "{text}");
    assert_eq!(folder.call(&["invite", "create"]).0, 0);
    let (_, invites) = json_of(folder, &["invite", "list", "--json"]);
    assert_eq!((&invites[0]["state"], &invites[0]["uses"]), (&json!("open"), &json!(1)), "{invites}");
    let secret = "a secret that no listing of settings may show";
    let mut print = folder.hongyan(&["config", "print", "--json"]);
    let (code, text) = run(print.env("HONGYAN_JWT_SECRET", secret));
    let settings: Value = serde_json::from_str(&text).unwrap();
    let of = |name: &str| {
        settings.as_array().unwrap().iter().find(|setting| setting["name"] == name).unwrap().clone()
    };
    assert_eq!((code, of("HONGYAN_BCRYPT_COST")["value"].clone()), (0, json!("4")));
    assert_eq!(of("HONGYAN_LOG")["origin"], "default");
    assert!(!text.contains(secret) && of("HONGYAN_JWT_SECRET")["value"].as_str().unwrap().starts_with("***"));
}
