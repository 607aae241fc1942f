//! Life cycle of embedded clusters on a real PostgreSQL: create, stop, kill, adopt, refuse.
#![cfg(test)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use local_postgres::{Cluster, ClusterOptions, Error, Installation, Supervisor};

/// A temporary folder, removed on drop.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("local-postgres-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn try_start(folder: &Path) -> Result<Cluster, Error> {
    let options = ClusterOptions { data_dir: folder.to_owned(), durable: true, settings: Vec::new() };
    Cluster::start(&Installation::find().unwrap(), options)
}

fn start(folder: &Path) -> Cluster {
    try_start(folder).unwrap()
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_new_cluster_speaks_utf8_and_is_durable() {
    let folder = Folder::new();
    let cluster = start(&folder.0);
    cluster.ensure_database("with \"quotes\"").unwrap();
    cluster.ensure_database("with \"quotes\"").unwrap();
    let show = |name: &str| {
        cluster.execute_sql("with \"quotes\"", &format!("SHOW {name}")).unwrap().trim().to_owned()
    };
    assert_eq!(
        (show("server_encoding"), show("fsync"), show("synchronous_commit")),
        ("UTF8".into(), "on".into(), "on".into())
    );
    assert_eq!(show("listen_addresses"), "");
    assert_eq!(cluster.execute_sql("postgres", "SELECT upper('é'), '鸿雁'").unwrap().trim(), "É|鸿雁");
    let mode = fs::metadata(cluster.data_dir().join("socket")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn data_survives_a_stop_and_a_kill() {
    let folder = Folder::new();
    let cluster = start(&folder.0);
    cluster.execute_sql("postgres", "CREATE TABLE t (n int); INSERT INTO t VALUES (1)").unwrap();
    drop(cluster);
    let cluster = start(&folder.0);
    cluster.execute_sql("postgres", "INSERT INTO t VALUES (2)").unwrap();
    cluster.kill_postmaster().unwrap();
    assert!(!cluster.is_running());
    cluster.restart().unwrap();
    assert_eq!(cluster.execute_sql("postgres", "SELECT sum(n) FROM t").unwrap().trim(), "3");
}

#[test]
fn a_cluster_that_keeps_running_is_adopted() {
    let folder = Folder::new();
    let cluster = start(&folder.0);
    let pid = cluster.pid();
    cluster.leave_running();
    drop(cluster);
    let cluster = start(&folder.0);
    assert_eq!(cluster.pid(), pid);
    // A cluster with other settings is restarted instead.
    cluster.leave_running();
    drop(cluster);
    let settings = vec![("max_connections".to_owned(), "17".to_owned())];
    let options = ClusterOptions { data_dir: folder.0.clone(), durable: true, settings };
    let cluster = Cluster::start(&Installation::find().unwrap(), options).unwrap();
    assert_ne!(cluster.pid(), pid);
    assert_eq!(cluster.execute_sql("postgres", "SHOW max_connections").unwrap().trim(), "17");
}

#[test]
fn a_stale_pid_file_of_an_unrelated_process_is_ignored() {
    let folder = Folder::new();
    let cluster = start(&folder.0);
    cluster.kill_postmaster().unwrap();
    let file = cluster.data_dir().join("pg/postmaster.pid");
    let text = fs::read_to_string(&file).unwrap();
    let own_pid = std::process::id().to_string();
    let first = text.lines().next().unwrap().to_owned();
    fs::write(&file, text.replacen(&first, &own_pid, 1)).unwrap();
    assert!(!cluster.is_running(), "the process of this test is not a postmaster");
}

#[test]
fn a_second_server_on_the_same_folder_is_refused() {
    let folder = Folder::new();
    let cluster = start(&folder.0);
    let refusal = try_start(&folder.0).unwrap_err();
    assert!(matches!(refusal, Error::InUse(_)), "{refusal}");
    assert!(refusal.to_string().contains("in use by another server"));
    assert!(cluster.is_running());
}

#[test]
fn a_cluster_of_another_version_is_refused() {
    let folder = Folder::new();
    let cluster = start(&folder.0);
    let version = cluster.data_dir().join("pg/PG_VERSION");
    drop(cluster);
    fs::write(version, "9\n").unwrap();
    let refusal = try_start(&folder.0).unwrap_err().to_string();
    assert!(refusal.contains("PostgreSQL 9") && refusal.contains("pg_upgrade"), "{refusal}");
}

#[test]
fn a_half_created_cluster_is_created_again() {
    let folder = Folder::new();
    fs::create_dir_all(folder.0.join("pg.new/base")).unwrap();
    assert!(start(&folder.0).is_running());
}

#[test]
fn a_path_too_long_for_a_socket_is_replaced_by_a_short_one() {
    let folder = Folder::new();
    let cluster = start(&folder.0.join("long ' name ".repeat(10)));
    assert_eq!(cluster.execute_sql("postgres", "SELECT 1").unwrap().trim(), "1");
    let socket =
        cluster.url("x").split("host=").nth(1).unwrap().split('&').next().unwrap().replace("%2F", "/");
    assert!(socket.starts_with("/tmp/hongyan-"), "{socket}");
    drop(cluster);
    fs::remove_dir_all(socket).unwrap();
}

#[test]
fn a_folder_that_postgres_cannot_reach_is_replaced() {
    let folder = Folder::new();
    let closed = folder.0.join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    let cluster = start(&closed.join("data"));
    // Only root runs PostgreSQL as another user.
    assert_eq!(cluster.relocated(), is_root());
    let home = cluster.data_dir().to_owned();
    assert_eq!(home.starts_with("/var/lib/hongyan"), is_root());
    cluster.execute_sql("postgres", "CREATE TABLE t ()").unwrap();
    drop(cluster);
    let again = start(&closed.join("data"));
    assert_eq!(again.data_dir(), home);
    again.execute_sql("postgres", "SELECT FROM t").unwrap();
    drop(again);
    fs::remove_dir_all(home).unwrap();
}

#[test]
fn a_postmaster_that_dies_is_restarted() {
    let folder = Folder::new();
    let supervisor = Supervisor::start(start(&folder.0));
    let first = supervisor.cluster().pid();
    supervisor.cluster().kill_postmaster().unwrap();
    eventually("the postmaster was not restarted", || {
        supervisor.cluster().execute_sql("postgres", "SELECT 1").is_ok()
    });
    assert_ne!(supervisor.cluster().pid(), first);
    let data = supervisor.cluster().data_dir().to_owned();
    supervisor.stop();
    assert!(!data.join("pg/postmaster.pid").exists());
}

#[test]
fn a_setting_that_postgres_refuses_fails_the_start_at_once() {
    let folder = Folder::new();
    let settings = vec![("no_such_setting".to_owned(), "1".to_owned())];
    let options = ClusterOptions { data_dir: folder.0.clone(), durable: false, settings };
    let began = Instant::now();
    let refusal = Cluster::start(&Installation::find().unwrap(), options).unwrap_err().to_string();
    assert!(refusal.contains("no_such_setting"), "{refusal}");
    assert!(began.elapsed() < Duration::from_secs(30));
}

#[test]
fn attaching_leaves_a_cluster_as_it_was_found() {
    let folder = Folder::new();
    let options = || ClusterOptions { data_dir: folder.0.clone(), durable: true, settings: Vec::new() };
    let attach = || Cluster::attach(&Installation::find().unwrap(), &options()).unwrap();
    assert!(attach().is_none(), "nothing is created");
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 0);
    let cluster = start(&folder.0);
    let attached = attach().unwrap();
    attached.execute_sql("postgres", "CREATE TABLE t (n int)").unwrap();
    drop(attached);
    assert!(cluster.is_running(), "another process runs it");
    drop(cluster);
    let attached = attach().unwrap();
    attached.execute_sql("postgres", "INSERT INTO t VALUES (1)").unwrap();
    assert!(matches!(try_start(&folder.0), Err(Error::InUse(_))), "an attached cluster cannot be started");
    let pid = attached.pid();
    drop(attached);
    let cluster = start(&folder.0);
    assert_ne!(cluster.pid(), pid, "it was not running before, so it is stopped");
    cluster.leave_running();
    let pid = cluster.pid();
    drop(cluster);
    drop(attach().unwrap());
    let cluster = start(&folder.0);
    assert_eq!(cluster.pid(), pid, "a cluster that a killed server left running keeps running");
}

#[test]
fn a_standby_follows_its_primary_and_takes_over_after_a_promotion() {
    let (one, other) = (Folder::new(), Folder::new());
    let primary = start(&one.0);
    primary.execute_sql("postgres", "CREATE TABLE t (n int); INSERT INTO t VALUES (1)").unwrap();
    let options = ClusterOptions { data_dir: other.0.clone(), durable: true, settings: Vec::new() };
    let standby =
        Cluster::start_standby(&Installation::find().unwrap(), options, &primary, "standby1").unwrap();
    let name = "SELECT application_name FROM pg_stat_replication";
    eventually("the standby does not connect", || {
        primary.execute_sql("postgres", name).unwrap().trim() == "standby1"
    });
    primary.execute_sql("postgres", "INSERT INTO t VALUES (2)").unwrap();
    let count = || standby.execute_sql("postgres", "SELECT count(*) FROM t").unwrap();
    eventually("the standby does not follow", || count().trim() == "2");
    assert!(standby.execute_sql("postgres", "INSERT INTO t VALUES (3)").is_err());
    primary.stop().unwrap();
    standby.promote().unwrap();
    standby.execute_sql("postgres", "INSERT INTO t VALUES (3)").unwrap();
    assert_eq!(count().trim(), "3");
}
