//! Dev-only: one PostgreSQL cluster for all tests that run at the same time, and a database of its own for each.
//!
//! The first test process makes a cluster in the temporary folder; all that run beside it share it. Each holds a lock
//! that the system takes back when the process ends, however it ends. A shell waits for all those locks to be gone, then
//! stops the cluster and removes its folder, so that nothing is left even after a crash.
#![allow(clippy::panic, clippy::expect_used, reason = "a test that gets no database must fail loudly")]

mod shared;

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use shared::SharedCluster;

/// What a test's database is a copy of.
pub struct Template {
    /// Names the template; what was prepared differently must be named differently.
    pub key: String,
    /// Prepares the template, given its URL.
    pub prepare: fn(&str),
}

impl Template {
    /// The template that `prepare` makes by applying the migrations in `folder`.
    ///
    /// # Panics
    /// When the folder cannot be read.
    #[must_use]
    pub fn of_migrations(folder: &Path, prepare: fn(&str)) -> Self {
        let mut files = Vec::new();
        for migration in std::fs::read_dir(folder).expect("the migrations can be listed").flatten() {
            for name in ["up.sql", "down.sql"] {
                let path = migration.path().join(name);
                files.push((path.clone(), std::fs::read(&path).expect("the migration can be read")));
            }
        }
        files.sort();
        // FNV-1a, 64 bits: the same in every process.
        let bytes =
            files.iter().flat_map(|(path, text)| path.as_os_str().as_encoded_bytes().iter().chain(text));
        let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self { key: format!("{hash:016x}"), prepare }
    }
}

/// A database for one test; it is dropped with this value.
pub struct TestDatabase {
    name: String,
    url: String,
}

impl TestDatabase {
    /// Copies the template into a new database.
    ///
    /// # Panics
    /// When there is no PostgreSQL to run or it refuses.
    #[must_use]
    pub fn create(template: &Template) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let cluster = SharedCluster::get();
        let source = cluster.template(template);
        let name = format!("test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        cluster.sql("postgres", &format!("CREATE DATABASE {name} TEMPLATE {source}"));
        Self { url: cluster.url(&name), name }
    }

    /// How libpq reaches the database.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        // The cluster goes away with everything in it anyway, so that a failure here is no failure of the test.
        SharedCluster::get()
            .try_sql("postgres", &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}
