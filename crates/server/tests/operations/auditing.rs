//! The audit log: each event with its account, session and address, and nothing private.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Folder, PASSWORD, Server, eventually, run, run_with_input};

const PHONE: &str = "13800138000";
const DEVICE: &str = "canary-device-secret";
const HOME: &str = "192.0.2.7";

/// The lines of the audit log with this event.
fn events(folder: &Folder, name: &str) -> Vec<Value> {
    let log = fs::read_to_string(folder.0.join("log")).unwrap();
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).expect(line));
    lines.filter(|line| line["target"] == "audit" && line["event"] == name).collect()
}

/// The one line with this event, once it is there.
fn event(folder: &Folder, name: &str) -> Value {
    eventually(&format!("{name} is not logged"), || !events(folder, name).is_empty());
    let found = events(folder, name);
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].clone()
}

/// A server that believes `X-Forwarded-For` and takes every reuse of a refresh token for theft.
fn server(folder: &Folder) -> Server {
    let mut command =
        folder.hongyan(&["serve", "--log-format", "json", "--refresh-reuse-grace-seconds", "0"]);
    Server::run(command.env("HONGYAN_TRUSTED_PROXIES", "127.0.0.1"), folder)
}

fn call(server: &Server, path: &str, headers: &[(&str, &str)], body: &Value) -> Value {
    let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
    let request = agent.post(format!("{}{path}", server.base)).header("X-Forwarded-For", HOME);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let sent = request.header("Content-Type", "application/json").send(body.to_string().as_bytes());
    serde_json::from_str(&sent.unwrap().body_mut().read_to_string().unwrap()).unwrap()
}

/// A call with a token and a body.
fn send(server: &Server, (method, path): (&str, &str), token: &str, body: &Value) -> Value {
    let agent = ureq::Agent::config_builder().http_status_as_error(false).allow_non_standard_methods(true);
    let request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", server.base));
    let request = request.header("Authorization", format!("Bearer {token}"));
    let request = request.header("Content-Type", "application/json").body(body.to_string()).unwrap();
    let mut response = agent.build().new_agent().run(request).unwrap();
    serde_json::from_str(&response.body_mut().read_to_string().unwrap()).unwrap()
}

fn text<'a>(answer: &'a Value, pointer: &str) -> &'a str {
    answer.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{answer}"))
}

#[test]
fn logins_and_sessions_are_recorded_with_account_and_address() {
    let folder = Folder::with_database("audit-logins");
    let server = server(&folder);
    let body = json!({"name": "n", "uid": "alice_01", "phone_number": PHONE, "password": PASSWORD});
    let registered = call(&server, "/api/register", &[], &body);
    let user = text(&registered, "/data/user_info/user_id");
    let line = event(&folder, "registered");
    assert_eq!(
        (&line["user"], &line["address"], &line["level"]),
        (&json!(user), &json!(HOME), &json!("INFO"))
    );
    let by_phone = |password: &str| json!({"phone_number": PHONE, "password": password});
    call(&server, "/api/login/phone_number", &[], &by_phone("canary-password"));
    let line = event(&folder, "login_failed");
    assert_eq!(
        (&line["user"], &line["address"], &line["level"]),
        (&json!(user), &json!(HOME), &json!("WARN"))
    );
    let unknown = json!({"uid": "canary_password", "password": PASSWORD});
    call(&server, "/api/login/uid", &[], &unknown);
    eventually("the second is not logged", || events(&folder, "login_failed").len() == 2);
    assert_eq!(events(&folder, "login_failed")[1]["user"], Value::Null);
    call(&server, "/api/login/phone_number", &[], &by_phone(PASSWORD));
    assert_eq!(event(&folder, "login")["user"], user);
    assert!(events(&folder, "new_device").is_empty(), "the account registered from this address");
    let abroad = [("X-Forwarded-For", "198.51.100.1"), ("Device-Id", DEVICE)];
    let other = call(&server, "/api/login/phone_number", &abroad, &by_phone(PASSWORD));
    let line = event(&folder, "new_device");
    assert_eq!((&line["user"], line["session"].is_string()), (&json!(user), true));
    let token = text(&other, "/data/token_class/refresh_token");
    let refresh = || server.post("/auth/refresh_token", token, &json!({}))["code"].clone();
    assert_eq!((refresh(), refresh()), (json!(200), json!(409)));
    assert_eq!(event(&folder, "refresh_token_stolen")["session"], line["session"]);
    let log = fs::read_to_string(folder.0.join("log")).unwrap();
    for secret in [PHONE, "canary", PASSWORD, token] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
    assert!(server.stop().success());
}

#[test]
fn changes_of_an_account_are_recorded() {
    let folder = Folder::with_database("audit-account");
    let server = server(&folder);
    let registered = server.register("alice_01");
    let (user, token) = (text(&registered, "/user_info/user_id"), text(&registered, "/token_class/token"));
    server.login("alice_01", PASSWORD);
    let change = |old: &str| json!({"old_password": old, "new_password": "battery staple"});
    let put = |body: &Value| send(&server, ("PUT", "/api/auth/me/password"), token, body);
    assert_eq!(put(&change("wrong password"))["code"], 401);
    assert_eq!(event(&folder, "password_refused")["user"], user);
    let changed = put(&change(PASSWORD));
    assert_eq!(event(&folder, "password_changed")["user"], user);
    let token = text(&changed, "/data/token");
    server.get("/api/auth/me/export", token);
    assert_eq!(event(&folder, "export_started")["user"], user);
    let other = server.login("alice_01", "battery staple");
    server.delete("/api/auth/sessions", token);
    assert_eq!(event(&folder, "session_ended")["detail"], "ended_by_owner");
    assert_eq!(other["code"], 200);
    let delete = |body: &Value| send(&server, ("DELETE", "/api/auth/me"), token, body);
    assert_eq!(delete(&json!({"password": "battery staple"}))["code"], 200);
    assert_eq!(event(&folder, "account_erased")["user"], user);
    assert!(server.stop().success());
}

#[test]
fn refusals_are_recorded_once_per_second_and_can_be_filtered() {
    let folder = Folder::with_database("audit-refusals");
    let server = server(&folder);
    let wrong = json!({"uid": "alice_01", "password": "wrong password"});
    let codes: Vec<Value> =
        (0..40).map(|_| call(&server, "/api/login/uid", &[], &wrong)["code"].clone()).collect();
    assert_eq!(codes[39], 429);
    eventually("the refusal is not logged", || !events(&folder, "refused").is_empty());
    let refused = events(&folder, "refused");
    assert!(refused.len() < 10, "{} lines", refused.len());
    assert_eq!((&refused[0]["detail"], &refused[0]["address"]), (&json!("too_many_attempts"), &json!(HOME)));
    assert!(server.stop().success());
    let folder = Folder::with_database("audit-off");
    let quiet = Server::run(
        &mut folder.hongyan(&["serve", "--log", "info,audit=off", "--log-format", "json"]),
        &folder,
    );
    quiet.register("alice_01");
    assert!(quiet.stop().success());
    assert!(events(&folder, "registered").is_empty());
}

#[test]
fn commands_of_operators_are_recorded() {
    let folder = Folder::with_database("audit-commands");
    let server = Server::start(&folder);
    let (code, text) = run_with_input(&mut folder.hongyan(&["user", "create", "alice_01"]), PASSWORD);
    assert_eq!(code, 0, "{text}");
    let user = text.lines().find_map(|line| line.split_once(" alice_01")).unwrap().0.to_owned();
    for (arguments, detail) in [
        (vec!["user", "disable", "alice_01"], "user disable"),
        (vec!["user", "enable", "alice_01"], "user enable"),
        (vec!["user", "end-sessions", "alice_01"], "user end-sessions"),
        (vec!["user", "reset-password", "alice_01", "--generate-password"], "user reset-password"),
    ] {
        let (code, text) = run(&mut folder.hongyan(&arguments));
        let line = text.lines().find(|line| line.contains("operator_command"));
        let line = line.unwrap_or_else(|| panic!("{code} {text}"));
        assert!(line.contains("audit") && line.contains(&user) && line.contains(detail), "{line}");
        let (_, text) = run(folder.hongyan(&arguments).env("HONGYAN_LOG", "info,audit=off"));
        assert!(!text.contains("operator_command"), "{text}");
    }
    assert!(server.stop().success());
}
