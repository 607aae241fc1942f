//! A world to test in: a server with a database of its own, and people who call it.

mod client;
mod mask;
mod notes;
mod person;
mod world;

pub(crate) use client::{Call, Reply};
pub(crate) use mask::masked;
pub(crate) use person::Person;
pub(crate) use world::{SECRET, World};

/// Compares an answer with its snapshot; ids, times and tokens are masked, equal ones alike.
macro_rules! assert_answer {
    ($name:literal, $reply:expr) => {
        insta::assert_json_snapshot!($name, crate::support::masked(&$reply.json))
    };
}
pub(crate) use assert_answer;
