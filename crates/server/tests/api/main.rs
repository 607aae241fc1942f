//! API tests: the whole stack in process on a real PostgreSQL, called over HTTP.
//!
//! Every response is noted; `cargo xtask coverage` compares the notes with the `OpenAPI` document.
#![cfg(test)]

mod accounts;
mod bad_input;
mod blocks;
mod connections;
mod conversations;
mod crowded;
mod devices;
mod docs_page;
mod erasure;
mod exports;
mod extremes;
mod fairness;
mod faults;
mod foreign_ids;
mod friends;
mod guessing;
mod headers;
mod info;
mod known_devices;
mod limits;
mod messages;
mod methods;
mod own_messages;
mod password_queues;
mod polling;
mod protocol;
mod quotas;
mod raised_cost;
mod registration;
mod relations;
mod retries;
mod rules;
mod search;
mod sessions;
mod socket_ends;
mod socket_frames;
mod socket_signals;
mod socket_storms;
mod support;
mod sync;
mod web_page;
