//! A temporary folder, the binary, and servers that run in the folder.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection, RunQueryDsl};
use serde_json::{Value, json};
use test_db::{Template, TestDatabase};

pub(crate) const PASSWORD: &str = "correct horse 电池";

/// Signs the tokens of servers whose database is given.
pub(crate) const SECRET: &str = "a secret for tests only, of more than 32 bytes";

/// A temporary folder. Drop kills a PostgreSQL that still runs in it and removes it.
pub(crate) struct Folder(pub(crate) PathBuf, Option<TestDatabase>);

impl Folder {
    /// A folder in which commands make a cluster of their own.
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("hongyan-operations-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path, None)
    }

    /// A folder whose commands are given a migrated database in the cluster of all tests, which is there at once and is not durable.
    pub(crate) fn with_database(name: &str) -> Self {
        let migrations = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations");
        let migrate = |url: &str| {
            infra::migrations::run(url, std::time::Duration::from_secs(60)).unwrap();
        };
        let mut folder = Self::new(name);
        folder.1 = Some(TestDatabase::create(&Template::of_migrations(migrations.as_ref(), migrate)));
        folder
    }

    pub(crate) fn kill_postgres(&self) {
        if let Some(pid) = self.postmaster() {
            let _ = Command::new("kill").args(["-KILL", &pid.to_string()]).status();
        }
    }

    pub(crate) fn postmaster(&self) -> Option<u32> {
        let file = fs::read_to_string(self.0.join("data/postgres/pg/postmaster.pid")).ok()?;
        file.lines().next()?.trim().parse().ok()
    }

    /// A command of the binary, with its embedded cluster in this folder.
    pub(crate) fn hongyan(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hongyan"));
        command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("HONGYAN_BCRYPT_COST", "4");
        command.env("HONGYAN_DATA_DIR", self.0.join("data")).env("HONGYAN_BIND", "127.0.0.1:0");
        // No load balancer has to notice that a test's server stops; `stopping` is about those that wait for it.
        command.env("HONGYAN_DRAIN_SECONDS", "0");
        if let Some(database) = &self.1 {
            command.env("DATABASE_URL", database.url()).env("HONGYAN_JWT_SECRET", SECRET);
        }
        command.args(arguments).stdin(Stdio::null());
        command
    }

    /// Runs the binary and returns its exit code and output.
    pub(crate) fn call(&self, arguments: &[&str]) -> (i32, String) {
        run(&mut self.hongyan(arguments))
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    /// The URL of the given database, or of the embedded one in this folder.
    pub(crate) fn database_url(&self) -> String {
        if let Some(database) = &self.1 {
            return database.url().to_owned();
        }
        let socket = self.path("data/postgres/socket").replace('/', "%2F");
        format!("postgresql:///hongyan?host={socket}&port=5432&user=hongyan")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        self.kill_postgres();
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn signal(name: &str, pid: u32) {
    let status = Command::new("kill").args([format!("-{name}"), pid.to_string()]).status().unwrap();
    assert!(status.success());
}

/// Runs a command and returns its exit code and output.
pub(crate) fn run(command: &mut Command) -> (i32, String) {
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(text).unwrap())
}

/// As [`run`], for a command that reads standard input.
pub(crate) fn run_with_input(command: &mut Command, input: &str) -> (i32, String) {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(text).unwrap())
}

/// The single value of a query, as text.
pub(crate) fn query(url: &str, sql: &str) -> String {
    #[derive(diesel::QueryableByName)]
    struct Text {
        #[diesel(sql_type = diesel::sql_types::Text)]
        text: String,
    }
    let mut connection = PgConnection::establish(url).unwrap();
    #[expect(clippy::disallowed_methods, reason = "a test runs it once")]
    let query = diesel::sql_query(format!("SELECT ({sql})::text AS text"));
    query.get_result::<Text>(&mut connection).unwrap().text
}

/// Executes SQL.
pub(crate) fn execute(url: &str, sql: &str) {
    PgConnection::establish(url).unwrap().batch_execute(sql).unwrap();
}

/// A registered account.
pub(crate) struct Person {
    pub(crate) token: String,
    pub(crate) id: String,
}

/// A running server.
pub(crate) struct Server {
    child: Child,
    pub(crate) base: String,
    /// The base URL of the admin listener; empty if there is none.
    pub(crate) admin: String,
}

/// The quotas, which no test here is about.
const QUOTAS: [&str; 7] = [
    "MESSAGES_PER_MINUTE",
    "MESSAGE_KILOBYTES_PER_MINUTE",
    "REQUESTS_PER_DAY",
    "LOOKUPS_PER_MINUTE",
    "UID_CHANGES_PER_DAY",
    "REGISTRATIONS_PER_HOUR",
    "REFUSALS_PER_MINUTE",
];

impl Server {
    pub(crate) fn start(folder: &Folder) -> Self {
        Self::run(&mut folder.hongyan(&["serve"]), folder)
    }

    /// Starts a server that logs to the file `log` in the folder.
    pub(crate) fn run(command: &mut Command, folder: &Folder) -> Self {
        let log = fs::File::options().create(true).append(true).open(folder.0.join("log")).unwrap();
        for quota in QUOTAS {
            command.env(format!("HONGYAN_QUOTA_{quota}"), "0");
        }
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let banner = BufReader::new(child.stdout.take().unwrap());
        let banner: Vec<String> =
            banner.lines().map(Result::unwrap).take_while(|line| !line.contains("Ctrl-C")).collect();
        let last_word = |label: &str| {
            let line = banner.iter().find(|line| line.contains(label));
            line.map(|line| line.split_whitespace().last().unwrap().to_owned())
        };
        let base = last_word("listening on");
        let base = base.unwrap_or_else(|| panic!("{}", fs::read_to_string(folder.0.join("log")).unwrap()));
        let admin = last_word("  metrics  ").map(|url| url.trim_end_matches("/metrics").to_owned());
        Self { base, admin: admin.unwrap_or_default(), child }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Host and port, for a raw connection.
    pub(crate) fn address(&self) -> &str {
        self.base.trim_start_matches("http://")
    }

    /// Resident memory in bytes.
    pub(crate) fn resident(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// Kills the process, as a crash would.
    pub(crate) fn kill(self) {
        drop(self);
    }

    pub(crate) fn stop(self) -> ExitStatus {
        self.stop_by("TERM")
    }

    pub(crate) fn stop_by(self, name: &str) -> ExitStatus {
        signal(name, self.pid());
        self.wait()
    }

    pub(crate) fn wait(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    pub(crate) fn post(&self, path: &str, token: &str, body: &Value) -> Value {
        let request = agent().post(format!("{}{path}", self.base)).header("Authorization", bearer(token));
        let sent = request.header("Content-Type", "application/json").send(body.to_string().as_bytes());
        serde_json::from_str(&sent.unwrap().body_mut().read_to_string().unwrap()).unwrap()
    }

    pub(crate) fn patch(&self, path: &str, token: &str, body: &Value) -> Value {
        let request = agent().patch(format!("{}{path}", self.base)).header("Authorization", bearer(token));
        let sent = request.header("Content-Type", "application/json").send(body.to_string().as_bytes());
        serde_json::from_str(&sent.unwrap().body_mut().read_to_string().unwrap()).unwrap()
    }

    pub(crate) fn get(&self, path: &str, token: &str) -> Value {
        let request = agent().get(format!("{}{path}", self.base)).header("Authorization", bearer(token));
        serde_json::from_str(&request.call().unwrap().body_mut().read_to_string().unwrap()).unwrap()
    }

    pub(crate) fn delete(&self, path: &str, token: &str) -> Value {
        let request = agent().delete(format!("{}{path}", self.base)).header("Authorization", bearer(token));
        serde_json::from_str(&request.call().unwrap().body_mut().read_to_string().unwrap()).unwrap()
    }

    /// Registers an account and returns the response's data.
    pub(crate) fn register(&self, uid: &str) -> Value {
        let body = json!({"name": uid, "uid": uid, "password": PASSWORD});
        let answer = self.post("/api/register", "", &body);
        assert_eq!(answer["code"], 200, "{answer}");
        answer["data"].clone()
    }

    /// Registers an account and returns its token and id.
    pub(crate) fn person(&self, uid: &str) -> Person {
        let data = self.register(uid);
        let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{data}")).to_owned();
        Person { token: text(&data["token_class"]["token"]), id: text(&data["user_info"]["user_id"]) }
    }

    /// Makes two accounts friends: both send a request.
    pub(crate) fn befriend(&self, one: &Person, other: &Person) {
        for (from, to) in [(one, other), (other, one)] {
            let body = json!({"receiver_id": to.id});
            assert_eq!(self.post("/api/auth/friendship_requests", &from.token, &body)["code"], 200);
        }
    }

    pub(crate) fn login(&self, uid: &str, password: &str) -> Value {
        self.post("/api/login/uid", "", &json!({"uid": uid, "password": password}))
    }
}

impl Drop for Server {
    /// Kills the server, so that a failed test leaves none running.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a GET request and returns status, headers and body.
pub(crate) fn get(url: &str, headers: &[(&str, &str)]) -> (u16, ureq::http::HeaderMap, String) {
    let request =
        headers.iter().fold(agent().get(url), |request, (name, value)| request.header(*name, *value));
    let mut response = request.call().unwrap();
    let headers = response.headers().clone();
    (response.status().as_u16(), headers, response.body_mut().read_to_string().unwrap())
}

pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !condition() {
        assert!(std::time::Instant::now() < deadline, "{what}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).build().new_agent()
}
