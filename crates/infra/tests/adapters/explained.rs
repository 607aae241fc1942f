//! The plans that PostgreSQL really followed, told by PostgreSQL itself as it answers.
//!
//! `auto_explain` remarks beside each answer how the statement was executed. So a test sees the statements that the code
//! sends, with its session settings, and no copy of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use crate::support::{Ground, Pool};
use crate::wire::Wire;

/// Every statement is explained, as a notice to whoever sent it.
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
pub(crate) struct Explained {
    pub(crate) pool: Arc<Pool>,
    wire: Wire,
}

impl Explained {
    pub(crate) fn pool(ground: &Ground) -> Self {
        let wire = Wire::tap(ground.url());
        let options: Vec<String> =
            SETTINGS.iter().map(|setting| format!("-c%20{}", setting.replace('=', "%3D"))).collect();
        let url = format!("{}&options={}", wire.url(), options.join("%20"));
        let queue = infra::postgres::SendQueueSettings {
            writers: 1,
            queue: 1024,
            max_wait: std::time::Duration::from_secs(60),
        };
        Self { pool: ground.pool_at(&url, queue), wire }
    }

    /// What `work` returns, and the plans of its statements in their order.
    pub(crate) async fn plans<T>(&self, work: impl Future<Output = T>) -> (T, Vec<Plan>) {
        self.wire.notices();
        let done = work.await;
        let plans: Vec<Plan> = self.wire.notices().iter().filter_map(|notice| Plan::read(notice)).collect();
        assert!(!plans.is_empty(), "nothing was explained: does the server have auto_explain?");
        (done, plans)
    }

    /// What `work` returns, and the plan of its only statement.
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
    /// Reads a notice; none where it explains nothing of ours.
    fn read(notice: &str) -> Option<Self> {
        let mut explained: Value = serde_json::from_str(notice.split_once("plan:")?.1).unwrap();
        let statement = explained["Query Text"].as_str().unwrap().to_owned();
        // A new connection's settings are made by a statement as well.
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

    /// The tables that are read from end to end.
    pub(crate) fn tables_read_whole(&self) -> Vec<&str> {
        let scans = self.nodes().into_iter().filter(|node| node["Node Type"] == "Seq Scan");
        scans.filter_map(|node| node["Relation Name"].as_str()).collect()
    }

    /// Whether the plan was made for any parameters, and not for those that it was executed with.
    pub(crate) fn serves_any_parameters(&self) -> bool {
        !self.root.to_string().contains("'::uuid")
    }

    /// How many rows of a table were looked at, whether they were wanted or not.
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

    /// How many pages of tables and indexes were looked at.
    pub(crate) fn pages(&self) -> u64 {
        ["Shared Hit Blocks", "Shared Read Blocks"].iter().filter_map(|name| self.root[name].as_u64()).sum()
    }
}
