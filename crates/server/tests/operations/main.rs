//! The binary as a process: commands, settings, start, shutdown, overload and crashes.
#![cfg(test)]

mod account_commands;
mod auditing;
mod backups;
mod clocks;
mod commands;
mod connections;
mod data_folder;
mod doctor;
mod environment;
mod fail_over;
mod given_databases;
mod kills;
mod lost_futures;
mod migrating;
mod observing;
mod overload;
mod own_cluster;
mod poolers;
mod replicas;
mod settings;
mod signals;
#[expect(dead_code, reason = "the API tests use all of it")]
#[path = "../api/support/socket.rs"]
mod socket;
mod socket_logs;
mod sockets;
mod standing_still;
mod stopping;
mod support;
