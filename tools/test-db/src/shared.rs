//! The cluster that all test processes share.

use std::fs::{File, TryLockError};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

use local_postgres::{Cluster, ClusterOptions, Installation};

use crate::Template;

/// A handle on the shared cluster; the process holds one until it ends.
pub(crate) struct SharedCluster {
    cluster: Remote,
    templates: Mutex<()>,
    folder: PathBuf,
    _in_use: File,
}

/// How the cluster is reached: by what its starter wrote down.
struct Remote {
    psql: PathBuf,
    url_of_postgres: String,
}

impl SharedCluster {
    /// Joins the cluster that runs, or starts one.
    pub(crate) fn get() -> &'static Self {
        static SHARED: OnceLock<SharedCluster> = OnceLock::new();
        SHARED.get_or_init(Self::join)
    }

    fn join() -> Self {
        let user = rustix::process::geteuid().as_raw();
        let folder = std::env::temp_dir().join(format!("hongyan-tests-{user}"));
        std::fs::create_dir_all(&folder).expect("a folder for the test cluster");
        // Whoever starts, stops or prepares something does so alone.
        let gate = open(&folder.join("gate"));
        gate.lock().expect("the gate of the test cluster");
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
        // Between the two nobody can stop the cluster, because that takes the gate as well.
        in_use.lock_shared().expect("the test cluster's lock");
        if first {
            reap_when_unused(&folder);
        }
        let url_of_postgres =
            std::fs::read_to_string(folder.join("url")).expect("the test cluster's address");
        let cluster = Remote { psql: installation.program("psql"), url_of_postgres };
        Self { cluster, templates: Mutex::new(()), folder, _in_use: in_use }
    }

    pub(crate) fn url(&self, database: &str) -> String {
        self.cluster.url_of_postgres.replacen("/postgres?", &format!("/{database}?"), 1)
    }

    /// The database to copy, prepared once for all processes.
    pub(crate) fn template(&self, template: &Template) -> String {
        let name = format!("template_{}", template.key);
        let _alone_here = self.templates.lock().unwrap_or_else(PoisonError::into_inner);
        let gate = open(&self.folder.join("gate"));
        gate.lock().expect("the gate of the test cluster");
        // It gets its name only when it is whole, so that a crash amid it leaves nothing to copy.
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

/// Starts the cluster, instead of one that a crash of the machine may have left.
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

/// Leaves a shell behind that waits for the last user to go, then stops the cluster and removes its folder.
///
/// It has the terminal's and the test's own outputs closed, so that nobody waits for it.
fn reap_when_unused(folder: &Path) {
    const SCRIPT: &str = r#"
        cd / && cd "$1" || exit
        while :; do
            flock -x in-use true        # waits for the last user
            exec 9>gate; flock -x 9     # nobody joins from here on
            if flock -xn in-use true; then
                kill -QUIT "$(cat pid)"
                while kill -0 "$(cat pid)" 2>/dev/null && ! grep -q '^State:.Z' "/proc/$(cat pid)/status"; do sleep 0.05; done
                rm -rf cluster url pid
                exit
            fi
            exec 9>&-                   # somebody came in between
        done"#;
    // The outer shell ends at once; the inner one is nobody's child that would have to be waited for.
    let mut shell = Command::new("sh");
    shell.args(["-c", "sh -c \"$1\" sh \"$2\" &", "sh", SCRIPT]).arg(folder).process_group(0);
    shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    shell.status().expect("a shell to clean up after the tests");
}
