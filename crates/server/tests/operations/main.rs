//! The binary as a process: commands, settings, start, shutdown, overload and crashes.
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
mod data_folder;
mod kills;
mod migrating;
mod observing;
mod overload;
mod settings;
mod stopping;
mod support;
