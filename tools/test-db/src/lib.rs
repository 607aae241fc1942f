//! Test databases: one PostgreSQL cluster for all tests that run at the same time, one cloned database per test. For tests
//! only.
//!
//! The first test process starts the cluster in the temporary folder; concurrent ones share it. Each process holds a shared
//! file lock, which the kernel releases however the process ends. A shell waits until no lock is left, then stops the
//! cluster and removes its folder, so that nothing remains even after a crash.
#![expect(clippy::panic, clippy::expect_used, reason = "a test that gets no database must fail loudly")]

mod shared;
mod template;

use std::sync::atomic::{AtomicU32, Ordering};

use shared::SharedCluster;
pub use template::Template;

/// A test's own database, dropped with this value.
pub struct TestDatabase {
    name: String,
    url: String,
}

impl TestDatabase {
    /// Clones the template into a new database.
    ///
    /// # Panics
    /// When PostgreSQL is not installed or refuses.
    #[must_use]
    pub fn create(template: &Template) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let cluster = SharedCluster::get();
        let source = cluster.template(template);
        let name = format!("test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        cluster.sql("postgres", &format!("CREATE DATABASE {name} TEMPLATE {source}"));
        Self { url: cluster.url(&name), name }
    }

    /// The libpq URL of the database.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        // A failure here is not the test's: the whole cluster is removed anyway.
        SharedCluster::get()
            .try_sql("postgres", &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}

/// How many cases a slow test tries: `full` if `HONGYAN_TEST_DEPTH=full`, as in scripts/audit, otherwise `quick`.
#[must_use]
pub fn cases(quick: u32, full: u32) -> u32 {
    if std::env::var_os("HONGYAN_TEST_DEPTH").is_some_and(|depth| depth == "full") { full } else { quick }
}
