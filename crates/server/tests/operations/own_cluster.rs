//! The embedded cluster: what its log contains, and with which rights the server works in it.

use std::fs;

use local_postgres::{Cluster, ClusterOptions, Installation};
use serde_json::json;

use crate::support::{Folder, PASSWORD, Person, Server, query};

fn register(server: &Server, uid: &str, phone: &str) -> String {
    let body = json!({"name": "x", "uid": uid, "phone_number": phone, "password": PASSWORD});
    server.post("/api/register", "", &body)["error"].as_str().unwrap_or("none").to_owned()
}

/// Several people want one uid at once, by registering and by changing theirs.
fn race(server: &Server, people: &[Person], round: usize) {
    let wanted = format!("canary_{round:02}");
    std::thread::scope(|scope| {
        for (number, person) in people.iter().enumerate() {
            let wanted = if number % 2 == 0 { wanted.clone() } else { wanted.to_uppercase() };
            scope.spawn(move || {
                let phone = format!("1390013{round:02}{:02}", number / 2);
                let registered = register(server, &wanted, &phone);
                let known = ["none", "uid_taken", "phone_number_taken", "unavailable"];
                assert!(known.contains(&registered.as_str()), "{registered}");
            });
            let wanted = format!("canary_{round:02}");
            scope.spawn(move || {
                let changed = server.patch("/api/auth/me/uid", &person.token, &json!({"new_uid": wanted}));
                let refused = changed["error"].as_str().unwrap_or("none");
                assert!(
                    ["none", "uid_taken", "uid_unchanged", "unavailable"].contains(&refused),
                    "{changed}"
                );
            });
        }
    });
}

#[test]
fn refused_requests_leave_no_line_in_the_clusters_log() {
    let folder = Folder::new("cluster-log");
    let server = Server::start(&folder);
    let people: Vec<Person> = (0..6).map(|number| server.person(&format!("person_{number}"))).collect();
    assert_eq!(register(&server, "first_canary", "13800138000"), "none");
    assert_eq!(register(&server, "FIRST_canary", "13800138001"), "uid_taken");
    assert_eq!(register(&server, "other_canary", "13800138000"), "phone_number_taken");
    for round in 0..4 {
        race(&server, &people, round);
    }
    std::thread::scope(|scope| {
        for _ in 0..4 {
            for (from, to) in [(&people[0], &people[1]), (&people[1], &people[0])] {
                let body = json!({"receiver_id": to.id});
                let server = &server;
                scope.spawn(move || server.post("/api/auth/friendship_requests", &from.token, &body));
            }
        }
    });
    let before = fs::read_to_string(folder.path("data/postgres/log")).unwrap();
    for word in ["ERROR", "STATEMENT", "DETAIL", "canary", "1380013"] {
        let lines: Vec<&str> = before.lines().filter(|line| line.contains(word)).collect();
        assert!(lines.is_empty(), "{lines:?}");
    }
    // What does get into the log has neither a statement nor values.
    let failed = "INSERT INTO users (id, uid, name, password_hash) SELECT id, uid, name, '' FROM users";
    assert!(
        diesel::connection::SimpleConnection::batch_execute(
            &mut <diesel::PgConnection as diesel::Connection>::establish(&folder.database_url()).unwrap(),
            failed
        )
        .is_err()
    );
    let log = fs::read_to_string(folder.path("data/postgres/log")).unwrap();
    let new = &log[before.len()..];
    assert!(new.contains("duplicate key value") && !new.contains("INSERT") && !new.contains('('), "{new}");
    assert!(server.stop().success());
}

/// Who owns the tables, and whether a session of the server is a superuser's.
fn rights(folder: &Folder) -> (String, String) {
    let url = folder.database_url();
    let owners = "SELECT string_agg(DISTINCT tableowner, ',') FROM pg_tables WHERE schemaname = 'public'";
    let superusers = "SELECT string_agg(DISTINCT r.rolsuper::text, ',')
                        FROM pg_stat_activity a JOIN pg_roles r ON r.rolname = a.usename
                       WHERE a.datname = 'hongyan' AND a.application_name = 'hongyan'";
    (query(&url, owners), query(&url, superusers))
}

#[test]
fn the_server_is_no_superuser_of_its_own_cluster() {
    let (folder, elsewhere) = (Folder::new("rights"), Folder::new("rights-restored"));
    let server = Server::start(&folder);
    server.register("alice_01");
    let ours = ("hongyan_app".to_owned(), "false".to_owned());
    assert_eq!(rights(&folder), ours);
    assert!(server.stop().success());
    // A folder of an earlier build, in which the superuser owned everything.
    let options =
        ClusterOptions { data_dir: folder.0.join("data/postgres"), durable: true, settings: Vec::new() };
    let cluster = Cluster::attach(&Installation::find().unwrap(), &options).unwrap().unwrap();
    let back = "REASSIGN OWNED BY hongyan_app TO hongyan; DROP OWNED BY hongyan_app; DROP ROLE hongyan_app";
    cluster.execute_sql("hongyan", back).unwrap();
    drop(cluster);
    let server = Server::start(&folder);
    assert_eq!(rights(&folder), ours);
    assert_eq!(server.login("alice_01", PASSWORD)["code"], 200);
    for command in [&["doctor"][..], &["user", "list"], &["migrate"]] {
        let (code, text) = folder.call(command);
        assert_eq!(code, 0, "{command:?}: {text}");
    }
    let backup = folder.path("rights.backup");
    assert_eq!(folder.call(&["backup", &backup]).0, 0);
    assert!(server.stop().success());
    let (code, text) = elsewhere.call(&["restore", &backup]);
    assert_eq!(code, 0, "{text}");
    let server = Server::start(&elsewhere);
    assert_eq!(rights(&elsewhere), ours);
    assert_eq!(server.login("alice_01", PASSWORD)["code"], 200);
    assert!(server.stop().success());
}
