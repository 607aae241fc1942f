//! The shared cluster: one database per test, templates prepared once, nothing left behind.
#![cfg(test)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use local_postgres::Installation;
use test_db::{Template, TestDatabase};

fn psql(url: &str, sql: &str) -> String {
    let mut psql = Command::new(Installation::find().unwrap().program("psql"));
    let output = psql.args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", sql]).output().unwrap();
    assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

static PREPARED: AtomicU32 = AtomicU32::new(0);

fn prepare(url: &str) {
    PREPARED.fetch_add(1, Ordering::SeqCst);
    psql(url, "CREATE TABLE t (n int)");
}

#[test]
fn each_test_gets_its_own_copy_of_a_template_prepared_once() {
    // A key that no earlier run has used.
    let key = || format!("own_{}", std::process::id());
    let databases: Vec<TestDatabase> = std::thread::scope(|scope| {
        let make = || TestDatabase::create(&Template { key: key(), prepare });
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(make)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(PREPARED.load(Ordering::SeqCst), 1);
    psql(databases[0].url(), "INSERT INTO t VALUES (1)");
    assert_eq!(psql(databases[0].url(), "SELECT count(*) FROM t"), "1");
    assert_eq!(psql(databases[1].url(), "SELECT count(*) FROM t"), "0");
    let names = "SELECT count(*) FROM pg_database WHERE datname = current_database()";
    assert_eq!(psql(databases[2].url(), names), "1");
}

/// A process that holds a test database in its own temporary folder.
struct HolderProcess {
    child: Child,
    url: String,
}

fn hold(folder: &Path) -> HolderProcess {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hold-test-database"));
    let mut child =
        command.env("TMPDIR", folder).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let url = BufReader::new(child.stdout.take().unwrap()).lines().next().unwrap().unwrap();
    HolderProcess { child, url }
}

fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The folder of the shared cluster.
fn cluster_folder(folder: &Path) -> PathBuf {
    let mut entries = fs::read_dir(folder).unwrap();
    entries.next().unwrap().unwrap().path()
}

#[test]
fn nothing_is_left_after_the_last_user_is_killed() {
    let folder = std::env::temp_dir().join(format!("test-db-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let (mut first, mut second) = (hold(&folder), hold(&folder));
    let cluster = cluster_folder(&folder);
    let pid = fs::read_to_string(cluster.join("pid")).unwrap();
    first.child.kill().unwrap();
    first.child.wait().unwrap();
    assert_eq!(psql(&second.url, "SELECT 1"), "1", "the second process still uses it");
    second.child.kill().unwrap();
    second.child.wait().unwrap();
    eventually("the cluster was left behind", || !cluster.join("cluster").exists());
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"));
    assert!(stat.is_err() || stat.unwrap().contains(") Z"), "its postmaster still runs");
    // The next user starts a new cluster.
    let mut third = hold(&folder);
    assert_eq!(psql(&third.url, "SELECT 1"), "1");
    drop(third.child.stdin.take());
    assert!(third.child.wait().unwrap().success());
    eventually("the cluster was left behind", || !cluster.join("cluster").exists());
    fs::remove_dir_all(&folder).unwrap();
}
