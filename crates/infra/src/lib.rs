//! The adapters behind the domain's ports: PostgreSQL through Diesel, bcrypt, JWT, clocks and randomness.
//!
//! The crate depends on the domain and knows nothing of HTTP. Blocking work never runs on the caller's thread: the database
//! and bcrypt each have a bounded thread pool ([`runtime::thread_pool`]).

pub mod clock;
pub mod crypto;
pub mod db;
pub mod diagnostics;
pub mod local_signals;
pub mod metrics;
pub mod migrations;
pub mod pooling;
pub mod postgres;
pub mod quota;
pub mod replication;
pub mod revoked_sessions;
pub mod runtime;
mod schema;
pub mod signals;
