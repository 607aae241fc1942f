//! Hongyan's adapters: Diesel on PostgreSQL, bcrypt, JWT, the system's clock and randomness.
//!
//! This crate knows the domain's ports and nothing of HTTP. Blocking work never runs on the caller's thread: the
//! database and bcrypt each have threads of their own behind a bounded queue ([`threads`]).

pub mod clock;
pub mod db;
pub mod ended_sessions;
pub mod inspection;
pub mod metrics;
pub mod migrations;
mod pace;
pub mod password;
pub mod postgres;
pub mod random;
#[allow(missing_docs, unreachable_pub, reason = "generated from the migrated database")]
mod schema;
pub mod send_quota;
pub mod threads;
pub mod token;
