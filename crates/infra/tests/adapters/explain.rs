//! The query plans that PostgreSQL really used.
//!
//! `auto_explain` sends the plan of each statement as a notice. So a test sees the statements that the code sends, with its
//! session settings, and not a copy of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use crate::support::{Database, Pool};
use crate::wire_tap::WireTap;

/// Explains every statement in a notice to the client.
const SETTINGS: [&str; 7] = [
    "session_preload_libraries=auto_explain",
    "auto_explain.log_min_duration=0",
    "auto_explain.log_level=notice",
    "auto_explain.log_format=json",
    "auto_explain.log_analyze=on",
    "auto_explain.log_buffers=on",
    "auto_explain.log_timing=off",
];

/// A pool whose statements are explained.
pub(crate) struct ExplainingPool {
    pub(crate) pool: Arc<Pool>,
    wire: WireTap,
}

impl ExplainingPool {
    pub(crate) fn pool(database: &Database) -> Self {
        let wire = WireTap::tap(database.url());
        let options: Vec<String> =
            SETTINGS.iter().map(|setting| format!("-c%20{}", setting.replace('=', "%3D"))).collect();
        let url = format!("{}&options={}", wire.url(), options.join("%20"));
        let queue = infra::postgres::SendQueueSettings {
            writers: 1,
            queue: 1024,
            max_wait: std::time::Duration::from_secs(60),
        };
        Self { pool: database.pool_at(&url, queue), wire }
    }

    /// The result of `work` and the plans of its statements in order.
    pub(crate) async fn plans<T>(&self, work: impl Future<Output = T>) -> (T, Vec<Plan>) {
        self.wire.notices();
        let done = work.await;
        let plans: Vec<Plan> = self.wire.notices().iter().filter_map(|notice| Plan::read(notice)).collect();
        assert!(!plans.is_empty(), "no statement was explained: is auto_explain installed?");
        (done, plans)
    }

    /// The result of `work` and the plan of its only statement.
    pub(crate) async fn plan<T>(&self, work: impl Future<Output = T>) -> (T, Plan) {
        let (done, mut plans) = self.plans(work).await;
        assert_eq!(plans.len(), 1, "{plans:?}");
        (done, plans.remove(0))
    }
}

/// How a statement was executed.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) statement: String,
    root: Value,
}

impl Plan {
    /// Parses a notice; `None` if it explains none of the code's statements.
    fn read(notice: &str) -> Option<Self> {
        let mut explained: Value = serde_json::from_str(notice.split_once("plan:")?.1).unwrap();
        let statement = explained["Query Text"].as_str().unwrap().to_owned();
        // The settings of a new connection are statements too.
        (!statement.contains("set_config")).then(|| Self { statement, root: explained["Plan"].take() })
    }

    /// The plan's nodes.
    fn nodes(&self) -> Vec<&Value> {
        let mut nodes = vec![&self.root];
        let mut next = 0;
        while let Some(node) = nodes.get(next) {
            nodes.extend(node["Plans"].as_array().into_iter().flatten());
            next += 1;
        }
        nodes
    }

    pub(crate) fn indexes(&self) -> BTreeSet<&str> {
        self.nodes().into_iter().filter_map(|node| node["Index Name"].as_str()).collect()
    }

    /// The tables that are read by a sequential scan.
    pub(crate) fn full_scans(&self) -> Vec<&str> {
        let scans = self.nodes().into_iter().filter(|node| node["Node Type"] == "Seq Scan");
        scans.filter_map(|node| node["Relation Name"].as_str()).collect()
    }

    /// Whether it is a generic plan, reused for any parameters.
    pub(crate) fn is_generic(&self) -> bool {
        !self.root.to_string().contains("'::uuid")
    }

    /// Number of rows of a table that were read, including filtered ones.
    pub(crate) fn rows_read(&self, table: &str) -> f64 {
        let number = |node: &Value, name: &str| node[name].as_f64().unwrap_or_default();
        let scans = self.nodes().into_iter().filter(|node| node["Relation Name"] == table);
        scans
            .map(|node| {
                let each = number(node, "Actual Rows") + number(node, "Rows Removed by Filter");
                each * number(node, "Actual Loops")
            })
            .sum()
    }

    /// Number of pages of tables and indexes that were read.
    pub(crate) fn pages(&self) -> u64 {
        ["Shared Hit Blocks", "Shared Read Blocks"].iter().filter_map(|name| self.root[name].as_u64()).sum()
    }
}

/// Tables of a few rows: erasures in progress, which sends scan once per batch, and what a sync asks about the server.
const SCANNED_TABLES: [&str; 3] = ["erasures", "lineages", "pg_database"];

/// Checks that the statements of `what` use exactly these indexes and scan no other table.
pub(crate) fn assert_plan(what: &str, plans: &[Plan], indexes: &[&str]) {
    let used = plans.iter().flat_map(Plan::indexes);
    // The planner is free where a table has one page.
    let used: BTreeSet<&str> = used.filter(|index| !index.starts_with("lineages")).collect();
    assert_eq!(used, indexes.iter().copied().collect(), "{what}");
    for plan in plans {
        let whole = plan.full_scans();
        assert!(
            whole.iter().all(|table| SCANNED_TABLES.contains(table)),
            "{what}: {whole:?}: {}",
            plan.statement
        );
        assert!(plan.is_generic(), "{what} does not have a generic plan: {}", plan.statement);
    }
}
