//! What those who operate the server call: its commands and its settings, the real binary as a process.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod backups;
mod clocks;
mod commands;
mod migrating;
mod observing;
mod overload;
mod settings;
mod stopping;
mod support;
