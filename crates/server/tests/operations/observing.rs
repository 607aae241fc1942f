//! Log, metrics and readiness of a running server, and the secrets that must not appear in them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use local_postgres::{Cluster, ClusterOptions, Installation};
use serde_json::{Value, json};

use crate::support::{Folder, SECRET, Server, eventually, get, run};

fn log(folder: &Folder) -> String {
    fs::read_to_string(folder.0.join("log")).unwrap()
}

/// The lines of the access log, once there is one for each id.
fn access_log(folder: &Folder, ids: &[&str]) -> Vec<Value> {
    let entries = || {
        let lines = log(folder);
        let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect(line));
        lines.filter(|line| line["target"] == "access").collect::<Vec<_>>()
    };
    eventually("a line is missing", || ids.iter().all(|id| entries().iter().any(|line| line["id"] == *id)));
    entries()
}

#[test]
fn a_stolen_refresh_token_is_logged_without_the_token() {
    let folder = Folder::with_database("theft");
    let mut command = folder.hongyan(&["serve", "--refresh-reuse-grace-seconds", "0"]);
    let server = Server::run(&mut command, &folder);
    let alice = server.register("alice_01");
    let token = alice["token_class"]["refresh_token"].as_str().unwrap();
    let refresh = || server.post("/auth/refresh_token", token, &json!({}))["code"].clone();
    assert_eq!((refresh(), refresh()), (json!(200), json!(409)));
    let user = alice["user_info"]["user_id"].as_str().unwrap();
    let reports =
        |line: &str| line.contains("refresh token reused after its grace period") && line.contains(user);
    eventually("the theft is not logged", || log(&folder).lines().any(reports));
    assert!(!log(&folder).contains(token));
    assert!(server.stop().success());
}

#[test]
fn each_request_is_one_access_log_line_with_its_id_and_level() {
    let folder = Folder::with_database("access-log");
    let mut command = folder.hongyan(&["serve", "--log", "access=info", "--log-format", "json"]);
    let server = Server::run(&mut command, &folder);
    let url = |path: &str| format!("{}{path}", server.base);
    let sent = |path: &str, id: &str| {
        let (status, headers, _) = get(&url(path), &[("X-Request-Id", id)]);
        (status, headers["x-request-id"].to_str().unwrap().to_owned())
    };
    assert_eq!(sent("/healthz?secret=1", "first-1"), (200, "first-1".to_owned()));
    assert_eq!(sent("/api/auth/conversations/anything", "second.2"), (401, "second.2".to_owned()));
    assert_eq!(sent("/no/such/route", "third_3"), (404, "third_3".to_owned()));
    let hostile = "x\"y z";
    let (_, made) = sent("/healthz", hostile);
    assert!(
        made != hostile && made.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'),
        "{made}"
    );
    let (_, other) = sent("/healthz", &"x".repeat(65));
    assert_ne!(made, other);
    let lines = access_log(&folder, &["first-1", "second.2", "third_3", &made, &other]);
    assert_eq!(lines.len(), 5, "one line each: {lines:?}");
    let logged = |id: &str| {
        let line = lines.iter().find(|line| line["id"] == id).unwrap();
        (line["level"].clone(), line["status"].clone(), line["error"].clone(), line["route"].clone())
    };
    assert_eq!(logged("first-1"), (json!("INFO"), json!(200), Value::Null, json!("/healthz")));
    let guarded = json!("/api/auth/conversations/{conversation_id}");
    assert_eq!(logged("second.2"), (json!("WARN"), json!(401), json!("missing_token"), guarded));
    assert_eq!(logged("third_3"), (json!("WARN"), json!(404), json!("unknown_route"), json!("unmatched")));
    assert!(server.stop().success());
}

#[test]
fn no_request_can_forge_a_line_of_a_text_log() {
    let folder = Folder::with_database("injection");
    let mut command = folder.hongyan(&["serve", "--log", "trace", "--log-format", "text"]);
    let server = Server::run(&mut command, &folder);
    let forged = "\u{1b}[31m\n2026-01-01T00:00:00Z ERROR forged";
    let body = json!({"uid": forged, "password": forged, "name": forged});
    assert_eq!(server.post("/api/register", "", &body)["code"], 400);
    get(&format!("{}/%1b%5b31m%0aforged?x=%0aforged", server.base), &[("User-Agent", "a\tb")]);
    assert!(server.stop().success());
    let log = log(&folder);
    assert!(log.lines().count() > 10);
    for line in log.lines() {
        assert!(line.starts_with("20") && line.contains('Z'), "{line:?} does not begin with a time");
        assert!(!line.contains('\u{1b}') && !line.starts_with("2026-01-01T00:00:00Z"), "{line:?}");
    }
}

#[test]
fn metrics_count_by_route_and_are_served_to_operators_only() {
    let folder = Folder::new("metrics");
    let mut command = folder.hongyan(&["serve", "--admin-bind", "127.0.0.1:0"]);
    let server = Server::run(&mut command, &folder);
    let alice = server.register("alice_01");
    let token = alice["token_class"]["token"].as_str().unwrap();
    for path in ["/made-up/one", "/made-up/two"] {
        get(&format!("{}{path}", server.base), &[]);
    }
    assert_eq!(server.login("alice_01", "wrong")["code"], 401);
    server.post("/api/auth/logout", token, &json!({}));
    assert_eq!(server.get("/api/auth/me", token)["error"], "session_ended");
    let (status, headers, text) = get(&format!("{}/metrics", server.admin), &[]);
    assert_eq!(status, 200);
    assert_eq!(headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    for line in [
        "hongyan_http_request_seconds_count{code=\"200\",method=\"POST\",route=\"/api/register\"} 1",
        "hongyan_http_request_seconds_count{code=\"404\",method=\"GET\",route=\"unmatched\"} 2",
        "hongyan_http_errors_total{error=\"invalid_credentials\"} 1",
        "hongyan_http_errors_total{error=\"session_ended\"} 1",
        "hongyan_queue_depth{queue=\"bcrypt\"} 0",
        "hongyan_queue_wait_seconds_count{queue=\"bcrypt\"} 2",
        "hongyan_queue_depth{queue=\"send\"} 0",
        "hongyan_send_batch_messages_count 0",
        "hongyan_send_accepted_total 0",
        "hongyan_send_deferred_total 0",
        "hongyan_database_connections{state=\"busy\"} ",
        "hongyan_build_info{commit=\"",
    ] {
        assert!(text.contains(line), "{line} is missing: {text}");
    }
    assert!(!text.contains("made-up"), "a request adds no label value");
    let (status, _, _) = get(&format!("{}/metrics", server.base), &[]);
    assert_eq!(status, 404, "the API serves metrics");
    let (status, _, ready) = get(&format!("{}/readyz", server.admin), &[]);
    let ready: Value = serde_json::from_str(&ready).unwrap();
    let reasons = json!({"starting": false, "database_answers": true, "commits_return": true, "stopping": false, "not_durable": []});
    assert_eq!((status, &ready["ready"]), (200, &json!(true)));
    assert!(reasons.as_object().unwrap().iter().all(|(name, value)| &ready[name] == value), "{ready}");
    assert!(server.stop().success());
}

/// The names of the metrics in Prometheus' text.
fn metric_names(text: &str) -> BTreeSet<&str> {
    text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect()
}

/// The metrics that a query names.
fn named_in(query: &str) -> Vec<String> {
    let words = query.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let ours = words.filter(|word| word.starts_with("hongyan_") || word.starts_with("process_"));
    ours.map(|word| {
        let parts = ["_bucket", "_sum", "_count"];
        parts.iter().find_map(|part| word.strip_suffix(part)).unwrap_or(word).to_owned()
    })
    .collect()
}

#[test]
fn every_counter_with_known_labels_is_there_at_zero_from_the_start() {
    let folder = Folder::with_database("zero");
    let mut command = folder.hongyan(&["serve", "--admin-bind", "127.0.0.1:0"]);
    let server = Server::run(&mut command, &folder);
    let metrics = || get(&format!("{}/metrics", server.admin), &[]).2;
    let text = metrics();
    for line in [
        "hongyan_http_errors_total{error=\"internal_error\"} 0",
        "hongyan_http_errors_total{error=\"unavailable\"} 0",
        "hongyan_http_errors_total{error=\"not_friends\"} 0",
        "hongyan_database_errors_total{kind=\"no_connection\"} 0",
        "hongyan_database_errors_total{kind=\"rolled_back\"} 0",
        "hongyan_database_errors_total{kind=\"connection_lost\"} 0",
        "hongyan_database_errors_total{kind=\"busy\"} 0",
        "hongyan_database_errors_total{kind=\"bug\"} 0",
        "hongyan_password_refusals_total{queue=\"login\"} 0",
        "hongyan_password_refusals_total{queue=\"registration\"} 0",
        "hongyan_password_checks_total 0",
        "hongyan_worker_panics_total{worker=\"statistics\"} 0",
        "process_open_fds ",
        "process_cpu_seconds_total ",
    ] {
        assert!(text.lines().any(|found| found.starts_with(line)), "{line} is missing: {text}");
    }
    let names = get(&format!("{}/api/openapi.json", server.base), &[]).2;
    let counted = text.lines().filter(|line| line.starts_with("hongyan_http_errors_total{")).count();
    assert!(counted > 40 && names.contains("not_friends"), "{counted} error names");
    assert!(server.stop().success());
}

#[test]
fn the_dashboard_and_the_alerts_name_only_metrics_that_exist() {
    let folder = Folder::with_database("dashboard");
    let mut command = folder.hongyan(&["serve", "--admin-bind", "127.0.0.1:0"]);
    let server = Server::run(&mut command, &folder);
    get(&format!("{}/readyz", server.base), &[]);
    let text = get(&format!("{}/metrics", server.admin), &[]).2;
    let names = metric_names(&text);
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy");
    let dashboard: Value =
        serde_json::from_str(&fs::read_to_string(deploy.join("grafana.json")).unwrap()).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.filter_map(|panel| panel["targets"].as_array()).flatten();
    let queries: Vec<String> = targets.map(|target| target["expr"].as_str().unwrap().to_owned()).collect();
    let alerts = fs::read_to_string(deploy.join("alerts.yml")).unwrap();
    let in_dashboard: BTreeSet<String> = queries.iter().flat_map(|query| named_in(query)).collect();
    let in_alerts: BTreeSet<String> = named_in(&alerts).into_iter().collect();
    assert!(in_dashboard.len() > 15 && in_alerts.len() > 5, "{in_dashboard:?} {in_alerts:?}");
    for name in in_dashboard.union(&in_alerts) {
        assert!(names.contains(name.as_str()), "there is no metric {name}: {names:?}");
    }
    // What is measured is shown.
    for name in names {
        assert!(
            in_dashboard.contains(name) || name == "process_virtual_memory_bytes",
            "{name} is in no panel"
        );
    }
    assert!(server.stop().success());
}

#[test]
fn the_admin_listener_is_off_by_default() {
    let folder = Folder::with_database("default");
    let server = Server::start(&folder);
    assert_eq!(server.admin, "");
    assert!(server.stop().success());
    let (code, text) = run(&mut folder.hongyan(&["config", "print"]));
    assert!(
        code == 0 && text.lines().any(|line| line.starts_with("HONGYAN_ADMIN_BIND") && line.contains("none"))
    );
}

#[test]
fn a_database_that_can_lose_messages_is_reported() {
    let (folder, data) = (Folder::new("danger"), Folder::new("danger-data"));
    let options = ClusterOptions { data_dir: data.0.join("pg"), durable: false, settings: Vec::new() };
    let cluster = Cluster::start(&Installation::find().unwrap(), options).unwrap();
    cluster.ensure_database("hongyan").unwrap();
    let url = cluster.url("hongyan");
    let mut command = folder.hongyan(&["serve", "--admin-bind", "127.0.0.1:0"]);
    command.env("DATABASE_URL", &url).env("HONGYAN_JWT_SECRET", SECRET);
    let server = Server::run(&mut command, &folder);
    let (status, _, ready) = get(&format!("{}/readyz", server.admin), &[]);
    let ready: Value = serde_json::from_str(&ready).unwrap();
    assert_eq!((status, &ready["ready"]), (200, &json!(true)));
    assert_eq!(ready["not_durable"], json!(["fsync", "full_page_writes", "synchronous_commit"]));
    let log = log(&folder);
    let danger = log.lines().filter(|line| line.contains("ERROR") && line.contains("DANGER")).count();
    assert_eq!(danger, 2, "{log}");
    let mut doctor = folder.hongyan(&["doctor"]);
    let (code, text) = run(doctor.env("DATABASE_URL", &url).env("HONGYAN_JWT_SECRET", SECRET));
    assert!(code == 1 && text.contains("fail  durability  fsync, full_page_writes off"), "{text}");
    assert!(server.stop().success());
    cluster.stop().unwrap();
}

const PHONE: &str = "13912345678";

/// Sends secrets in every part of a request, and returns a token.
fn send_canaries(server: &Server) -> String {
    let (alice, bob) = (server.person("alice_01"), server.person("bob_0001"));
    for (from, to) in [(&alice, &bob), (&bob, &alice)] {
        let body = json!({"receiver_id": to.id, "verification_message": "canary-one"});
        server.post("/api/auth/friendship_requests", &from.token, &body);
    }
    let body = json!({"receiver_id": bob.id, "content": "canary-two"});
    let sent = server.post("/api/auth/messages", &alice.token, &body);
    assert_eq!(sent["code"], 200);
    let wrong = json!({"uid": "alice_01", "password": "canary-three"});
    assert_eq!(server.post("/api/login/uid", "", &wrong)["error"], "invalid_credentials");
    let wrong = json!({"phone_number": PHONE, "password": "canary-nine"});
    assert_eq!(server.post("/api/login/phone_number", "", &wrong)["error"], "invalid_credentials");
    let typed_into_the_wrong_field = json!({"uid": "canary-ten", "password": "canary-eleven"});
    assert_eq!(
        server.post("/api/login/uid", "", &typed_into_the_wrong_field)["error"],
        "invalid_credentials"
    );
    server.get("/api/auth/users?uid=canary_four", &alice.token);
    server.get("/canary-five/canary-six?canary=seven", "canary-eight");
    alice.token
}

#[test]
fn no_password_token_or_text_reaches_logs_or_metrics() {
    let folder = Folder::with_database("secrets");
    let mut verbose = folder.hongyan(&["serve", "--admin-bind", "127.0.0.1:0"]);
    let server = Server::run(verbose.env("HONGYAN_LOG", "trace").env("HONGYAN_LOG_FORMAT", "json"), &folder);
    let token = send_canaries(&server);
    let seen_by_operators =
        ["/metrics", "/readyz"].map(|path| get(&format!("{}{path}", server.admin), &[]).2).concat();
    assert!(seen_by_operators.contains("route=\"/api/auth/messages\""), "{seen_by_operators}");
    assert!(server.stop().success());
    let log = log(&folder);
    assert!(log.contains("\"route\":\"/api/auth/messages\""), "this level logs requests");
    assert!(log.contains("login_failed"), "the audit log is written");
    for secret in ["canary", PHONE, "correct horse", "电池", &token, token.rsplit('.').next().unwrap()] {
        assert!(!log.contains(secret), "{secret} is in the log");
        assert!(!seen_by_operators.contains(secret), "{secret} is in the metrics or the readiness report");
    }
}
