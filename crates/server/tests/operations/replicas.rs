//! A primary of its own with a database, its standby, and the means to freeze it.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::process::Command;

use local_postgres::{Cluster, ClusterOptions, Installation};

use crate::support::{Folder, Server, eventually, execute, query, signal};

/// Signs the tokens of servers with a given database.
pub(crate) const SECRET: &str = "a secret of at least thirty-two bytes";

/// A PostgreSQL cluster and the folder that it is in.
pub(crate) struct Replica {
    cluster: Cluster,
    folder: Folder,
}

impl Replica {
    /// A primary with the database `chat`.
    pub(crate) fn primary(name: &str) -> Self {
        let primary = Self::start(Folder::new(name));
        execute(&primary.cluster.url("postgres"), "CREATE DATABASE chat TEMPLATE template0 ENCODING 'UTF8'");
        primary
    }

    fn start(folder: Folder) -> Self {
        let options = ClusterOptions { data_dir: folder.0.join("db"), durable: true, settings: Vec::new() };
        let cluster = Cluster::start(&Installation::find().unwrap(), options).unwrap();
        Self { cluster, folder }
    }

    /// A standby of this cluster, which follows it.
    pub(crate) fn standby(&self, name: &str) -> Self {
        let (folder, owner) = (Folder::new(name), fs::metadata(self.cluster.data_dir()).unwrap());
        let home = folder.0.join("db");
        fs::create_dir(&home).unwrap();
        fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).unwrap();
        chown(&home, Some(owner.uid()), Some(owner.gid())).unwrap();
        let mut copy = Command::new(Installation::find().unwrap().program("pg_basebackup"));
        copy.args(["--write-recovery-conf", "--checkpoint=fast", "--no-sync", "--dbname"])
            .arg(self.cluster.url("postgres"));
        copy.arg("--pgdata").arg(home.join("pg")).current_dir("/").uid(owner.uid()).gid(owner.gid());
        assert!(copy.status().unwrap().success());
        let standby = Self::start(folder);
        let followers = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'";
        eventually("the standby does not follow", || query(&self.url(), followers) != "0");
        standby
    }

    /// The URL of the database.
    pub(crate) fn url(&self) -> String {
        self.cluster.url("chat")
    }

    /// The folder of its socket, and the user that runs it.
    pub(crate) fn socket_and_owner(&self) -> (std::path::PathBuf, fs::Metadata) {
        let home = self.cluster.data_dir();
        (home.join("socket"), fs::metadata(home).unwrap())
    }

    /// The URL of the database on both clusters.
    pub(crate) fn url_with(&self, other: &Self) -> String {
        let host = |url: &str| url.split("host=").nth(1).unwrap().split('&').next().unwrap().to_owned();
        let (one, two) = (host(&self.url()), host(&other.url()));
        format!("postgresql:///chat?host={one},{two}&port=5432,5432&user=hongyan")
    }

    /// Changes a setting of the cluster.
    pub(crate) fn set(&self, name: &str, value: &str) {
        execute(&self.cluster.url("postgres"), &format!("ALTER SYSTEM SET {name} = '{value}'"));
        execute(&self.cluster.url("postgres"), "SELECT pg_reload_conf()");
        eventually("the setting does not come into force", || {
            query(&self.url(), &format!("current_setting('{name}')")) == value
        });
    }

    pub(crate) fn promote(&self) {
        execute(&self.url(), "SELECT pg_promote()");
    }

    /// Stops all processes without ending them: the kernel still accepts connections and acknowledges data.
    pub(crate) fn freeze(&self) -> Frozen {
        let postmaster = self.cluster.pid().unwrap();
        signal("STOP", postmaster);
        let children: Vec<u32> = children_of(postmaster);
        for pid in &children {
            signal("STOP", *pid);
        }
        Frozen(std::iter::once(postmaster).chain(children).collect())
    }

    /// Starts a server on a database, with an admin listener. It logs to the folder of this cluster.
    pub(crate) fn serve(&self, url: &str) -> Server {
        let mut command = self.folder.hongyan(&["serve", "--admin-bind", "127.0.0.1:0"]);
        Server::run(command.env("DATABASE_URL", url).env("HONGYAN_JWT_SECRET", SECRET), &self.folder)
    }

    /// Runs a command on a database and returns its exit code and output.
    pub(crate) fn call(&self, url: &str, arguments: &[&str]) -> (i32, String) {
        let mut command = self.folder.hongyan(arguments);
        crate::support::run(command.env("DATABASE_URL", url).env("HONGYAN_JWT_SECRET", SECRET))
    }
}

fn children_of(postmaster: u32) -> Vec<u32> {
    let parent = postmaster.to_string();
    let listing = Command::new("ps").args(["-o", "pid=", "--ppid", &parent]).output().unwrap().stdout;
    let listing = String::from_utf8(listing).unwrap();
    listing.split_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

/// Processes that stand still until this is dropped.
pub(crate) struct Frozen(Vec<u32>);

impl Drop for Frozen {
    fn drop(&mut self) {
        for pid in &self.0 {
            let _ = Command::new("kill").args(["-CONT", &pid.to_string()]).status();
        }
    }
}

#[test]
fn doctor_names_standbys_and_warns_of_exactly_one_that_commits_wait_for() {
    let primary = Replica::primary("doctor-primary");
    assert_eq!(primary.call(&primary.url(), &["migrate"]).0, 0);
    let doctor = |replica: &Replica| {
        let (code, text) = replica.call(&replica.url(), &["doctor"]);
        assert!(code < 2, "{text}");
        text.lines().filter(|line| line.contains("replication")).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(doctor(&primary), "", "a single server has no standby to name");
    let standby = primary.standby("doctor-standby");
    assert!(doctor(&primary).contains("streaming, asynchronous"), "{}", doctor(&primary));
    primary.set("synchronous_standby_names", "*");
    eventually("the standby does not become synchronous", || {
        doctor(&primary).contains("streaming, synchronous")
    });
    assert!(doctor(&primary).contains("warn  replication one synchronous standby"), "{}", doctor(&primary));
    assert!(doctor(&standby).contains("warn  replication a standby"), "{}", doctor(&standby));
    drop(standby);
    eventually("the loss of the standby is not named", || {
        doctor(&primary).contains("fail  replication no sync")
    });
}
