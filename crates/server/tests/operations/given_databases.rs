//! Databases that an operator gives: their locale, their encoding, and what is set for them.

use local_postgres::{Cluster, ClusterOptions, Installation};
use serde_json::{Value, json};

use crate::support::{Folder, PASSWORD, Server, execute, query, run};

const SECRET: &str = "a secret of at least thirty-two bytes";

/// A cluster of its own, and a folder for the binary.
struct Given {
    cluster: Cluster,
    folder: Folder,
    _data: Folder,
}

impl Given {
    fn new(name: &str) -> Self {
        let (folder, data) = (Folder::new(name), Folder::new(&format!("{name}-data")));
        let options = ClusterOptions { data_dir: data.0.join("pg"), durable: true, settings: Vec::new() };
        let cluster = Cluster::start(&Installation::find().unwrap(), options).unwrap();
        Self { cluster, folder, _data: data }
    }

    /// Creates a database and returns its URL.
    fn create(&self, name: &str, how: &str) -> String {
        execute(&self.cluster.url("postgres"), &format!("CREATE DATABASE {name} TEMPLATE template0 {how}"));
        self.cluster.url(name)
    }

    fn call(&self, url: &str, arguments: &[&str]) -> (i32, String) {
        let mut command = self.folder.hongyan(arguments);
        run(command.env("DATABASE_URL", url).env("HONGYAN_JWT_SECRET", SECRET))
    }

    fn serve(&self, url: &str) -> Server {
        let mut command = self.folder.hongyan(&["serve"]);
        Server::run(command.env("DATABASE_URL", url).env("HONGYAN_JWT_SECRET", SECRET), &self.folder)
    }
}

/// Registers uids with every letter, in both cases, and finds them in any case.
fn assert_uids_fold(given: &Given, url: &str) {
    let server = given.serve(url);
    let alphabet = ["ABCDEFGHIJKLM", "NOPQRSTUVWXYZ", "iiiiiiii", "LILI_IS_IN"];
    for uid in alphabet {
        let person = server.person(uid);
        for spelled in [uid.to_owned(), uid.to_ascii_lowercase(), uid.to_ascii_uppercase()] {
            assert_eq!(server.login(&spelled, PASSWORD)["code"], 200, "{uid} as {spelled}");
            let found = server.get(&format!("/api/auth/users?uid={spelled}"), &person.token);
            assert_eq!(found["data"]["uid"], json!(uid), "{uid} as {spelled}: {found}");
            let body = json!({"name": "x", "uid": spelled, "password": PASSWORD});
            assert_eq!(server.post("/api/register", "", &body)["error"], json!("uid_taken"), "{spelled}");
        }
    }
    let (code, text) = given.call(url, &["user", "disable", "lili_is_in"]);
    assert_eq!(code, 0, "{text}");
    let (alice, bob) = (server.person("aliceI_1"), server.person("bobI_001"));
    server.befriend(&alice, &bob);
    let body = json!({"receiver_id": bob.id, "content": "TITANIC ist da"});
    assert_eq!(server.post("/api/auth/messages", &alice.token, &body)["code"], 200);
    let found = server.get("/api/auth/messages/search?q=titanic%20IST", &bob.token);
    assert_eq!(found["data"].as_array().map(Vec::len), Some(1), "{found}");
    assert!(server.stop().success());
}

#[test]
fn uids_fold_in_a_database_of_turkish_locale_as_in_any_other() {
    let given = Given::new("turkish");
    let icu = "ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'tr-TR' LOCALE 'C.UTF-8'";
    let url = given.create("turkish", icu);
    assert_eq!(query(&url, "lower('I' COLLATE \"default\")"), "ı", "the locale is hostile");
    assert_uids_fold(&given, &url);
    let libc = "SELECT count(*) FROM pg_collation WHERE collname = 'tr_TR.utf8'";
    if query(&given.cluster.url("postgres"), libc) == "1" {
        let url = given.create("turkish_libc", "ENCODING 'UTF8' LOCALE_PROVIDER libc LOCALE 'tr_TR.utf8'");
        assert_uids_fold(&given, &url);
    }
    given.cluster.stop().unwrap();
}

#[test]
fn a_database_of_another_encoding_is_refused_by_every_command() {
    let given = Given::new("encoding");
    let backup = given.folder.path("full.backup");
    let full = given.create("good", "ENCODING 'UTF8'");
    assert_eq!(given.call(&full, &["migrate"]).0, 0);
    assert_eq!(given.call(&full, &["backup", &backup]).0, 0);
    for encoding in ["SQL_ASCII", "EUC_CN", "LATIN1"] {
        let url = given.create(&encoding.to_lowercase(), &format!("ENCODING '{encoding}' LOCALE 'C'"));
        for arguments in
            [&["serve"][..], &["migrate"], &["migrate", "--check"], &["doctor"], &["restore", &backup]]
        {
            let (code, text) = given.call(&url, arguments);
            assert_eq!(code, 1, "{arguments:?}: {text}");
            let remedy = format!("has the encoding {encoding}");
            assert!(text.contains(&remedy) && text.contains("ENCODING 'UTF8'"), "{arguments:?}: {text}");
        }
        assert_eq!(query(&url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "0");
    }
    given.cluster.stop().unwrap();
}

/// Settings that would break transactions, connections or plans. `doctor` names the first six.
const HOSTILE: [(&str, &str); 9] = [
    ("default_transaction_isolation", "serializable"),
    ("default_transaction_read_only", "on"),
    ("idle_in_transaction_session_timeout", "1"),
    ("lock_timeout", "1"),
    ("idle_session_timeout", "300"),
    ("statement_timeout", "300"),
    ("datestyle", "SQL, DMY"),
    ("timezone", "Asia/Shanghai"),
    ("enable_indexscan", "off"),
];

#[test]
fn settings_of_role_and_database_do_not_reach_the_server() {
    let given = Given::new("hostile-settings");
    let url = given.create("chat", "ENCODING 'UTF8'");
    for (name, value) in HOSTILE {
        execute(&given.cluster.url("postgres"), &format!("ALTER DATABASE chat SET {name} = '{value}'"));
    }
    let server = given.serve(&url);
    let (alice, bob) = (server.person("alice_01"), server.person("bob_0001"));
    server.befriend(&alice, &bob);
    let body = json!({"receiver_id": bob.id, "content": "hello"});
    assert_eq!(server.post("/api/auth/messages", &alice.token, &body)["code"], 200);
    let idle = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'chat' AND application_name = 'hongyan'
            AND state_change < now() - interval '600 ms'";
    crate::support::eventually("an idle connection lives on", || {
        query(&given.cluster.url("postgres"), idle) != "0"
    });
    let list: Value = server.get("/api/auth/conversations", &bob.token);
    assert_eq!(list["data"][0]["unread_count"], 1, "{list}");
    let log = std::fs::read_to_string(given.folder.path("log")).unwrap();
    let (code, text) = given.call(&url, &["doctor"]);
    assert_eq!(code, 0, "{text}");
    for (name, _) in &HOSTILE[..6] {
        assert!(text.contains(&format!("warn  settings    {name} = ")), "{name}: {text}");
        assert!(log.contains(name), "{name}: {log}");
    }
    let backup = given.folder.path("settings.backup");
    assert_eq!(given.call(&url, &["backup", &backup]).0, 0);
    assert!(server.stop().success());
    given.cluster.stop().unwrap();
}
