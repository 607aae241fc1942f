//! Test support: a server with its own database, and users who call it.

mod client;
mod mask;
mod notes;
mod person;
mod socket;
mod world;

pub(crate) use client::{Call, Reply};
pub(crate) use mask::masked;
pub(crate) use person::Person;
pub(crate) use socket::{Received, Socket};
pub(crate) use world::{SECRET, World};

/// Compares a response with its snapshot; ids, times and tokens are masked, equal values alike.
macro_rules! assert_answer {
    ($name:literal, $reply:expr) => {
        insta::assert_json_snapshot!($name, crate::support::masked(&$reply.json))
    };
}
pub(crate) use assert_answer;

/// Repeats `attempt` until it succeeds; fails at a deadline.
pub(crate) fn eventually(what: &str, mut attempt: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !attempt() {
        assert!(std::time::Instant::now() < deadline, "{what}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}
