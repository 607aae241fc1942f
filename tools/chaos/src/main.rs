//! Chaos test: proves that faults lose no acknowledged message. It is not part of the product.
//!
//! Users ([`virtual_user`]) send, poll, mark as read, recall, delete and end friendships, each in a closed loop over HTTP,
//! against two real servers on one durable PostgreSQL of their own ([`test_bed`]). Each call ends as `ok` (a 200 was read),
//! `refused` (a 4xx) or `unknown` (no response, or a 5xx). Idempotent calls are retried, on the other server too, until
//! they are answered ([`history`]). At the same time the [`nemesis`] kills, stops, pauses and cuts as a printed seed
//! decides, repairs each fault, and checks that both servers serve again within five seconds.
//!
//! After the load, [`final_state`] reads everything back through the API as both members of each conversation, and the
//! [`checker`] compares it with the history:
//!
//! - every acknowledged message is stored exactly once, byte for byte;
//! - every stored message was sent and was not refused;
//! - `seq` is 1, 2, 3… and agrees with the order of sends that did not overlap;
//! - a client that polls with `?after=` missed nothing and got nothing twice;
//! - unread counts, previews, read positions and friendships equal a recomputation;
//! - nothing was stored while the two were not friends.
//!
//! A checker that always passes proves nothing. So, at the end, the [`negative_controls`] delete, duplicate and alter a row
//! by hand, and the checker must notice each change. Any violation, and any control that goes unnoticed, makes the exit
//! code 1; then the folder with the database, the servers' logs and the users' journals is kept.
//!
//! The other scenario ([`rolling_restart`]) breaks nothing: it restarts the servers one after the other behind a real nginx
//! ([`load_balancer`]) that runs the project's `deploy/nginx.conf`. Then no call may end as `unknown`.
//!
//! The third ([`siege`]) breaks nothing either: a hostile account and a hostile address work against honest people, who must not
//! notice.
//!
//! The fourth ([`fail_over`]) loses, freezes or hides the primary of a replicated database, and a standby takes its place.
//!
//! The fifth ([`devices`]) lets people with several devices work: each device gets every change over a bad network, and at rest holds what a
//! fresh one fetches.
//!
//! The harness knows nothing of the product's code: it sees HTTP, processes, one socket and, for the controls, the tables.

mod arguments;
mod checker;
mod child_processes;
mod devices;
mod experiment;
mod fail_over;
mod final_state;
mod fleet;
mod follower;
mod free_ports;
mod history;
mod http;
mod load_balancer;
mod message_text;
mod nats_server;
mod negative_controls;
mod nemesis;
mod observed;
mod pooler;
mod postgres_processes;
mod report;
mod rolling_restart;
mod run;
mod scenario;
mod seeded_random;
mod server_group;
mod server_process;
mod siege;
mod simulation;
mod slow_calls;
mod test_bed;
mod violation;
mod virtual_user;

use std::io::Write;
use std::process::ExitCode;

use arguments::ChaosArguments;
use clap::Parser;

fn main() -> ExitCode {
    match run::run(&ChaosArguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // If stderr cannot be written, nothing is left to do.
            let _ = writeln!(std::io::stderr(), "chaos: {error:#}");
            ExitCode::FAILURE
        }
    }
}
