//! `backup` and `restore`: a complete round trip, and no file is overwritten.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::support::{Folder, PASSWORD, Server, execute, query, run};

/// Every table with the number and a checksum of its rows. Columns that `restore` changes are left out, and so is the search
/// index: the indexer still writes it during the test. So are the lineages, of which a restored database begins one.
fn contents(url: &str) -> Vec<(String, String)> {
    let tables = query(
        url,
        "SELECT string_agg(tablename, ' ' ORDER BY tablename) FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'search%' AND tablename <> 'lineages'",
    );
    let rows = |table: &str| {
        let row = match table {
            "sessions" => "(to_jsonb(t) - 'ended_at' - 'end_reason' - 'changed_in')::text",
            _ => "t::text",
        };
        query(
            url,
            &format!(
                "SELECT count(*) || ' ' || coalesce(md5(string_agg({row}, E'\\n' ORDER BY {row})), '') FROM \"{table}\" t"
            ),
        )
    };
    tables.split(' ').map(|table| (table.to_owned(), rows(table))).collect()
}

fn token(person: &Value, which: &str) -> String {
    person["token_class"][which].as_str().unwrap().to_owned()
}

/// Registers two friends and sends messages; returns the data of both registrations.
fn talk(server: &Server) -> (Value, Value) {
    let (alice, bob) = (server.register("alice_01"), server.register("bob_0001"));
    let id = |person: &Value| person["user_info"]["user_id"].as_str().unwrap().to_owned();
    for (one, other) in [(&alice, &bob), (&bob, &alice)] {
        server.post(
            "/api/auth/friendship_requests",
            &token(one, "token"),
            &json!({"receiver_id": id(other)}),
        );
    }
    for number in 0..50 {
        let body = json!({"receiver_id": id(&bob), "content": format!("第 {number} 条 🪿\t\\N \u{1f}")});
        assert_eq!(server.post("/api/auth/messages", &token(&alice, "token"), &body)["code"], 200);
    }
    (alice, bob)
}

#[test]
fn a_backup_restores_every_row_and_ends_every_session() {
    let (from, to) = (Folder::new("backup"), Folder::new("restore"));
    let file = from.path("hongyan.backup");
    let (code, text) = from.call(&["backup", &file]);
    assert!(code == 1 && text.contains("there is no database yet"), "{text}");
    let server = Server::start(&from);
    let (alice, bob) = talk(&server);
    // The first backup is taken from a running server, the second one without.
    let (code, text) = from.call(&["backup", &file]);
    assert_eq!(code, 0, "{text}");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let before = contents(&from.database_url());
    let secret = fs::read_to_string(from.path("data/jwt_secret")).unwrap();
    assert!(server.stop().success());
    let cold = from.path("cold.backup");
    assert_eq!(from.call(&["backup", &cold]).0, 0);
    assert!(from.postmaster().is_none(), "a stopped cluster is stopped again");
    for (number, file) in [&file, &cold].into_iter().enumerate() {
        let data = to.path(&format!("data-{number}"));
        let (code, text) = to.call(&["--data-dir", &data, "restore", file]);
        assert!(code == 0 && text.contains("sessions ended: 2"), "{text}");
        let mut serve = to.hongyan(&["--data-dir", &data]);
        let server = Server::run(serve.env("HONGYAN_JWT_SECRET", &secret), &to);
        let socket = to.path(&format!("data-{number}/postgres/socket")).replace('/', "%2F");
        let url = format!("postgresql:///hongyan?host={socket}&user=hongyan");
        assert_eq!(contents(&url), before);
        for person in [&alice, &bob] {
            let refused = server.post("/auth/refresh_token", &token(person, "refresh_token"), &json!({}));
            assert_eq!((&refused["code"], &refused["error"]), (&json!(401), &json!("session_ended")));
        }
        let again = server.login("bob_0001", PASSWORD)["data"]["token_class"]["token"].clone();
        let list = server.get("/api/auth/conversations", again.as_str().unwrap());
        assert_eq!(list["data"][0]["unread_count"], 50, "{list}");
        assert!(server.stop().success());
        let (code, text) = to.call(&["--data-dir", &data, "restore", file]);
        assert!(code == 1 && text.contains("the database is not empty"), "{text}");
    }
}

#[test]
fn a_backup_overwrites_nothing_and_leaves_no_partial_file() {
    let folder = Folder::new("overwrite");
    let file = folder.path("hongyan.backup");
    fs::write(&file, "precious").unwrap();
    assert_eq!(folder.call(&["migrate"]).0, 0);
    let (code, text) = folder.call(&["backup", &file]);
    assert!(code == 1 && text.contains("never overwrites a file"), "{text}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
    let nowhere = folder.path("no/such/folder/hongyan.backup");
    assert_eq!(folder.call(&["backup", &nowhere]).0, 1);
    let away = folder.path("away.backup");
    let (code, _) =
        run(folder.hongyan(&["backup", &away]).env("DATABASE_URL", "postgresql:///x?host=/nowhere"));
    assert_eq!(code, 1);
    let left: Vec<_> = fs::read_dir(&folder.0).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("away")), "{left:?}");
}

#[test]
fn a_foreign_file_is_refused_before_anything_is_created() {
    let folder = Folder::new("strange");
    let strange = folder.path("strange");
    fs::write(&strange, "PGDMP nonsense").unwrap();
    for file in [&strange, &folder.path("missing")] {
        let (code, text) = folder.call(&["restore", file]);
        assert!(code == 1 && text.contains("cannot be read as a backup"), "{text}");
    }
    assert!(!folder.0.join("data").exists());
}

#[test]
fn a_backup_of_a_newer_version_is_refused() {
    let (folder, file) = (Folder::new("newer"), Folder::new("newer-file"));
    let server = Server::start(&folder);
    execute(
        &folder.database_url(),
        "INSERT INTO __diesel_schema_migrations (version) VALUES ('29990101000001')",
    );
    let backup = file.path("newer.backup");
    assert_eq!(folder.call(&["backup", &backup]).0, 0);
    let (code, text) = folder.call(&["migrate", "--check"]);
    assert!(code == 3 && text.contains("unknown 29990101000001"), "{text}");
    assert!(server.stop().success());
    let (code, text) = file.call(&["restore", &backup]);
    assert!(code == 1 && text.contains("newer version") && text.contains("29990101000001"), "{text}");
    assert!(!file.0.join("data").exists());
}

#[test]
fn a_database_is_backed_up_by_every_notation_of_its_url() {
    let folder = Folder::new("notations");
    let server = Server::start(&folder);
    let socket = folder.path("data/postgres/socket");
    let encoded = socket.replace('/', "%2F");
    for (number, url) in [
        format!("postgresql://hongyan:can%40ary@{encoded}:5432/hongyan?options=-c%20search_path%3Dpublic%20"),
        format!("postgres:///hongyan?host={socket}&user=hongyan&password=can@ary&application_name=a@b"),
        format!("host='{socket}' user=hongyan password='it\\'s a canary' dbname = hongyan"),
        format!("postgresql:///hongyan?host={socket},/nowhere&port=5432,1&user=hongyan&sslpassword=canary"),
    ]
    .iter()
    .enumerate()
    {
        let file = folder.path(&format!("{number}.backup"));
        let (code, text) = run(folder.hongyan(&["backup", &file]).env("DATABASE_URL", url));
        assert!(code == 0 && fs::metadata(&file).unwrap().len() > 0, "{url}: {text}");
    }
    assert!(server.stop().success());
}
