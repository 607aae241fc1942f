//! The adapter ring: every MUST of the ports, races included, on a real PostgreSQL.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod accounts;
mod admin;
mod conversations;
mod crowd;
mod detour;
mod erasure;
mod erasure_races;
mod explained;
mod exports;
mod friends;
mod group_commit;
mod limits;
mod long_lives;
mod maintenance;
mod migrations;
mod model;
mod password_change;
mod plans;
mod proxy;
mod revoked_sessions;
mod search;
mod sending;
mod session_list;
mod sessions;
mod statements;
mod support;
mod throttle;
mod users;
mod wire;
