//! Adapter tests: every MUST of the ports, including races, on a real PostgreSQL.
#![cfg(test)]
#![expect(clippy::float_cmp, reason = "numbers of rows are whole")]

mod accounts;
mod admin;
mod bulk_data;
mod conversations;
mod erasure;
mod erasure_races;
mod explain;
mod exports;
mod friends;
mod group_commit;
mod hidden_messages;
mod hidden_reads;
mod invites;
mod known_devices;
mod large_histories;
mod limits;
mod maintenance;
mod migrations;
mod model;
mod partitions;
mod password_change;
mod port_extremes;
mod query_plans;
mod quotas;
mod retired_uids;
mod revoked_sessions;
mod search;
mod sending;
mod session_list;
mod sessions;
mod statements;
mod support;
mod sync;
mod throttle;
mod unclear_commits;
mod users;
mod wire_tap;
