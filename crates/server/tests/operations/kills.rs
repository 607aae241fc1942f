//! The binary as a process: first start, kills, adoption, refusals.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// A data folder that is removed at the end, with whatever still runs in it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("hongyan-process-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn postmaster(&self) -> Option<u32> {
        let file = fs::read_to_string(self.0.join("data/postgres/pg/postmaster.pid")).ok()?;
        file.lines().next()?.trim().parse().ok()
    }

    fn kill_postgres(&self) {
        if let Some(pid) = self.postmaster() {
            signal("KILL", pid);
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        self.kill_postgres();
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn signal(name: &str, pid: u32) {
    let status = Command::new("kill").args([format!("-{name}"), pid.to_string()]).status().unwrap();
    assert!(status.success());
}

fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A running server.
struct Server {
    child: Child,
    base: String,
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hongyan"));
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("HONGYAN_BCRYPT_COST", "4");
    command
        .env("HONGYAN_DATA_DIR", folder.join("data"))
        .env("HONGYAN_BIND", "127.0.0.1:0")
        .stdin(Stdio::null());
    command
}

impl Server {
    fn start(folder: &Path) -> Self {
        Self::start_as(command(folder), folder)
    }

    fn start_as(mut command: Command, folder: &Path) -> Self {
        let log = fs::File::options().create(true).append(true).open(folder.join("log")).unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let banner = BufReader::new(child.stdout.take().unwrap());
        let line = banner.lines().map(Result::unwrap).find(|line| line.contains("listening on"));
        let line = line.unwrap_or_else(|| panic!("{}", fs::read_to_string(folder.join("log")).unwrap()));
        Self { base: line.split_whitespace().last().unwrap().to_owned(), child }
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn stop(mut self, by: &str) -> ExitStatus {
        signal(by, self.child.id());
        self.child.wait().unwrap()
    }

    fn post(&self, path: &str, token: &str, body: &Value) -> Value {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
        let request =
            agent.post(format!("{}{path}", self.base)).header("Authorization", format!("Bearer {token}"));
        let mut response =
            request.header("Content-Type", "application/json").send(body.to_string().as_bytes()).unwrap();
        serde_json::from_str(&response.body_mut().read_to_string().unwrap()).unwrap()
    }

    fn get(&self, path: &str, token: &str) -> Value {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
        let request =
            agent.get(format!("{}{path}", self.base)).header("Authorization", format!("Bearer {token}"));
        serde_json::from_str(&request.call().unwrap().body_mut().read_to_string().unwrap()).unwrap()
    }

    /// Registers somebody and returns the token and the user id.
    fn person(&self, uid: &str) -> (String, String) {
        let body = json!({"name": uid, "uid": uid, "password": "correct horse 电池"});
        let answer = self.post("/api/register", "", &body);
        let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
        (text(&answer["data"]["token_class"]["token"]), text(&answer["data"]["user_info"]["user_id"]))
    }
}

#[test]
fn what_was_acknowledged_survives_kills_of_the_server_and_of_postgres() {
    let folder = Folder::new("kills");
    let mut server = Server::start(&folder.0);
    let (alice, alice_id) = server.person("alice_01");
    let (bob, bob_id) = server.person("bob_0001");
    let ask = |to: &str| json!({"receiver_id": to});
    server.post("/api/auth/friendship_requests", &alice, &ask(&bob_id));
    server.post("/api/auth/friendship_requests", &bob, &ask(&alice_id));
    let mut acknowledged = Vec::new();
    for round in 0..6 {
        for number in 0..20 {
            let key = format!("{round}/{number}");
            let body = json!({"receiver_id": bob_id, "content": format!("第 {key} 条 🪿"), "client_message_id": key});
            let mut answer = Value::Null;
            // As a client would, it sends again under the same key what was not answered with a 200.
            eventually("it was never sent", || {
                answer = server.post("/api/auth/messages", &alice, &body);
                answer["code"] == 200
            });
            acknowledged.push((answer["data"].clone(), body["content"].clone()));
        }
        // By turns the server alone, PostgreSQL alone, and both.
        if round % 3 != 0 {
            folder.kill_postgres();
        }
        if round % 3 != 1 {
            server.kill();
            server = Server::start(&folder.0);
        }
        eventually("it is not ready", || server.get("/readyz", "")["code"] == 200);
    }
    let list = server.get("/api/auth/conversations", &bob);
    let id = list["data"][0]["conversation_id"].as_str().unwrap_or_else(|| panic!("{list}"));
    let window = server.get(&format!("/api/auth/conversations/{id}?limit=200"), &bob);
    let stored: Vec<_> = window["data"]["messages"].as_array().unwrap().iter().collect();
    let stored: Vec<_> =
        stored.iter().map(|message| (message["message_id"].clone(), message["content"].clone())).collect();
    assert_eq!(stored, acknowledged);
    assert!(server.stop("TERM").success());
}

#[test]
fn a_second_server_on_the_same_folder_is_refused() {
    let folder = Folder::new("second");
    let first = Server::start(&folder.0);
    let second = command(&folder.0).output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("in use by another server"));
    assert_eq!(first.get("/readyz", "")["code"], 200);
    first.stop("TERM");
}

#[test]
fn a_setting_that_cannot_be_used_stops_the_start_with_its_name() {
    let folder = Folder::new("settings");
    for (name, value, said) in [
        ("HONGYAN_BCRYPT_COST", "99", "4..=31"),
        ("HONGYAN_BIND", "nowhere", "--bind"),
        ("HONGYAN_JWT_SECRET", "short", "here is a ready one"),
        ("DATABASE_URL", "postgres://127.0.0.1/x", "HONGYAN_JWT_SECRET must be set"),
        ("HONGYAN_LOG", "a=b=c", "HONGYAN_LOG"),
        ("HONGYAN_CORS_ORIGINS", "*", "HONGYAN_CORS_ORIGINS"),
        ("HONGYAN_CONFIG", "/no/such/file", "/no/such/file"),
    ] {
        let output = command(&folder.0).env(name, value).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{name}: {text}");
        assert!(text.contains(said), "{name}: {text}");
    }
    assert!(!folder.0.join("data").exists(), "nothing was begun");
}

/// Sends what nobody must ever see in every place where something can be sent, and returns a token.
fn live_with_canaries(server: &Server) -> String {
    let (alice, alice_id) = server.person("alice_01");
    let (bob, bob_id) = server.person("bob_0001");
    for (token, id) in [(&alice, &bob_id), (&bob, &alice_id)] {
        server.post(
            "/api/auth/friendship_requests",
            token,
            &json!({"receiver_id": id, "verification_message": "canary-one"}),
        );
    }
    let sent =
        server.post("/api/auth/messages", &alice, &json!({"receiver_id": bob_id, "content": "canary-two"}));
    assert_eq!(sent["code"], 200);
    let wrong = json!({"uid": "alice_01", "password": "canary-three"});
    assert_eq!(server.post("/api/login/uid", "", &wrong)["error"], "invalid_credentials");
    server.get("/api/auth/users?uid=canary_four", &alice);
    server.get("/canary-five/canary-six?canary=seven", "canary-eight");
    alice
}

#[test]
fn no_password_token_or_text_reaches_the_log_or_the_operators() {
    let folder = Folder::new("secrets");
    let mut verbose = command(&folder.0);
    verbose
        .env("HONGYAN_ADMIN_BIND", "127.0.0.1:0")
        .env("HONGYAN_LOG", "trace")
        .env("HONGYAN_LOG_FORMAT", "json");
    let log = fs::File::create(folder.0.join("log")).unwrap();
    let mut child = verbose.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
    let banner = BufReader::new(child.stdout.take().unwrap());
    let mut banner = banner.lines().map(Result::unwrap);
    let mut last_word = |label: &str| {
        let line = banner.find(|line| line.contains(label)).unwrap();
        line.split_whitespace().last().unwrap().to_owned()
    };
    let (base, metrics) = (last_word("listening on"), last_word("  metrics  "));
    let server = Server { base, child };
    let token = live_with_canaries(&server);
    let seen_by_operators = [metrics.as_str(), &metrics.replace("/metrics", "/readyz")]
        .map(|url| ureq::get(url).call().unwrap().body_mut().read_to_string().unwrap())
        .concat();
    assert!(seen_by_operators.contains("route=\"/api/auth/messages\""), "{seen_by_operators}");
    server.stop("TERM");
    let log = fs::read_to_string(folder.0.join("log")).unwrap();
    assert!(log.contains("\"route\":\"/api/auth/messages\""), "requests are logged at this level");
    for secret in ["canary", "correct horse", "电池", &token, token.rsplit('.').next().unwrap()] {
        assert!(!log.contains(secret), "{secret} is in the log");
        assert!(!seen_by_operators.contains(secret), "{secret} is shown to operators");
    }
}
