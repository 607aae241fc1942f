//! The cluster that all test processes share.

use std::fs::{File, TryLockError};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use local_postgres::{Cluster, ClusterOptions, Installation};
use parking_lot::Mutex;

use crate::template::Template;

/// A handle on the shared cluster, kept until the process ends.
pub(crate) struct SharedCluster {
    cluster: Connection,
    templates: Mutex<()>,
    folder: PathBuf,
    _in_use: File,
}

/// How to reach the cluster: what the process that started it has written down.
struct Connection {
    psql: PathBuf,
    url_of_postgres: String,
}

impl SharedCluster {
    /// Joins the running cluster, or starts one.
    pub(crate) fn get() -> &'static Self {
        static SHARED: OnceLock<SharedCluster> = OnceLock::new();
        SHARED.get_or_init(Self::join)
    }

    fn join() -> Self {
        let user = rustix::process::geteuid().as_raw();
        let folder = std::env::temp_dir().join(format!("hongyan-tests-{user}"));
        std::fs::create_dir_all(&folder).expect("a folder for the test cluster");
        // Starting, stopping and preparing templates exclude each other.
        let lifecycle = open(&folder.join("lifecycle"));
        lifecycle.lock().expect("the lock of the test cluster");
        let in_use = open(&folder.join("in-use"));
        let first = match in_use.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock) => false,
            Err(TryLockError::Error(error)) => panic!("the test cluster's lock: {error}"),
        };
        let installation = Installation::find().unwrap_or_else(|error| panic!("{error}"));
        if first {
            start(&installation, &folder);
            in_use.unlock().expect("the test cluster's lock");
        }
        // The cluster cannot be stopped between `unlock` and `lock_shared`, because stopping it needs the lifecycle lock too.
        in_use.lock_shared().expect("the test cluster's lock");
        if first {
            reap_when_unused(&folder);
        }
        let url_of_postgres =
            std::fs::read_to_string(folder.join("url")).expect("the test cluster's address");
        let cluster = Connection { psql: installation.program("psql"), url_of_postgres };
        Self { cluster, templates: Mutex::new(()), folder, _in_use: in_use }
    }

    pub(crate) fn url(&self, database: &str) -> String {
        self.cluster.url_of_postgres.replacen("/postgres?", &format!("/{database}?"), 1)
    }

    /// The template's database, prepared once for all processes.
    pub(crate) fn template(&self, template: &Template) -> String {
        let name = format!("template_{}", template.key);
        let _alone_here = self.templates.lock();
        let lifecycle = open(&self.folder.join("lifecycle"));
        lifecycle.lock().expect("the lock of the test cluster");
        // It is prepared under another name, so that a crash leaves no half-prepared template.
        if self
            .sql("postgres", &format!("SELECT 1 FROM pg_database WHERE datname = '{name}'"))
            .trim()
            .is_empty()
        {
            let draft = format!("draft_{}", template.key);
            self.sql("postgres", &format!("DROP DATABASE IF EXISTS {draft} WITH (FORCE)"));
            self.sql("postgres", &format!("CREATE DATABASE {draft}"));
            (template.prepare)(&self.url(&draft));
            self.sql("postgres", &format!("ALTER DATABASE {draft} RENAME TO {name}"));
        }
        name
    }

    pub(crate) fn sql(&self, database: &str, sql: &str) -> String {
        self.try_sql(database, sql).unwrap_or_else(|| panic!("the test cluster refused: {sql}"))
    }

    pub(crate) fn try_sql(&self, database: &str, sql: &str) -> Option<String> {
        let mut psql = Command::new(&self.cluster.psql);
        psql.args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-d", &self.url(database), "-c", sql]);
        let output = psql.output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

fn open(path: &Path) -> File {
    File::options().create(true).truncate(false).write(true).open(path).expect("a file of the test cluster")
}

/// Starts the cluster; replaces what a crash of the machine may have left.
fn start(installation: &Installation, folder: &Path) {
    let setting = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let options = ClusterOptions {
        data_dir: folder.join("cluster"),
        durable: false,
        settings: vec![setting("max_connections", "500"), setting("shared_buffers", "128MB")],
    };
    let cluster = Cluster::start(installation, options).unwrap_or_else(|error| panic!("{error}"));
    cluster.leave_running();
    std::fs::write(folder.join("url"), cluster.url("postgres")).expect("the test cluster's address");
    let pid = cluster.pid().expect("a running test cluster").to_string();
    std::fs::write(folder.join("pid"), pid).expect("the test cluster's pid");
}

/// Starts a shell that waits until the cluster is unused, then stops it and removes its folder.
///
/// Its standard streams are closed, so that no caller of the tests waits for it.
fn reap_when_unused(folder: &Path) {
    const SCRIPT: &str = r#"
        cd / && cd "$1" || exit
        while :; do
            flock -x in-use true        # waits for the last user
            exec 9>lifecycle; flock -x 9    # from here on no process can join
            if flock -xn in-use true; then
                kill -QUIT "$(cat pid)"
                while kill -0 "$(cat pid)" 2>/dev/null && ! grep -q '^State:.Z' "/proc/$(cat pid)/status"; do sleep 0.05; done
                rm -rf cluster url pid
                exit
            fi
            exec 9>&-                   # a process joined in between
        done"#;
    // The outer shell ends at once, so the inner one is reparented and need not be waited for.
    let mut shell = Command::new("sh");
    shell.args(["-c", "sh -c \"$1\" sh \"$2\" &", "sh", SCRIPT]).arg(folder).process_group(0);
    shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    shell.status().expect("a shell to clean up after the tests");
}
