//! The crash harness: proof that faults lose nothing. It is no part of the product.
//!
//! People ([`life`]) send, follow, mark as read, recall, delete and end friendships, each in a closed loop over HTTP, against two real
//! servers on one PostgreSQL that is durable and nobody else's ([`stage`]). Each call ends as `ok` (a 200 was read),
//! `refused` (a 4xx) or `unknown` (no answer, or a 5xx); what has a key or can be repeated is then tried again until it
//! is answered, on the other server too ([`history`]). Meanwhile the [`nemesis`] kills, stops, pauses and cuts by a seed
//! that is printed, puts everything back, and sees that both servers serve again within five seconds.
//!
//! At rest the [`reader`] reads everything back through the API as both members of each conversation, and the [`checker`]
//! compares it with the history:
//!
//! - every acknowledged message is there exactly once, byte for byte;
//! - everything stored was sent, and was not refused;
//! - `seq` is 1, 2, 3… and agrees with the order of sends that did not overlap;
//! - who follows by `?after=` missed nothing and got nothing twice;
//! - unread counts, previews, read positions and friendships are what a recomputation gives;
//! - nothing was stored between two who were no friends.
//!
//! A checker that is always content proves nothing: at last the [`control`] deletes, doubles and alters a row by hand, and the
//! checker must notice each time. Any violation, and any control that goes unnoticed, makes the exit code 1; then the
//! folder with the database, the servers' logs and everybody's journal is kept.
//!
//! Another kind of trouble ([`rolling`]) breaks nothing: it restarts the servers one after the other behind a real nginx
//! ([`balancer`]), which reads the project's own `deploy/nginx.conf`. Then not a single operation may end as `unknown`.
//!
//! It must not know how the product is made: it sees HTTP, processes, one socket and, for the controls, the tables.

mod backends;
mod balancer;
mod checker;
mod control;
mod fleet;
mod follower;
mod history;
mod http;
mod life;
mod nemesis;
mod proxy;
mod random;
mod reader;
mod report;
mod rolling;
mod run;
mod seen;
mod server;
mod stage;
mod text;
mod trouble;
mod violation;
mod world;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

/// Kills two servers and their PostgreSQL under load, and checks that nothing was lost.
#[derive(Debug, Parser)]
struct Arguments {
    /// What the faults and the load are drawn from [default: from the clock]
    #[arg(long)]
    seed: Option<u64>,
    /// The run lasts at least so long
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// The run lasts until there were so many faults of each kind
    #[arg(long, default_value_t = 1)]
    kills: u64,
    /// The run lasts until so many messages were acknowledged
    #[arg(long, default_value_t = 0)]
    messages: u64,
    /// How many people there are
    #[arg(long, default_value_t = 96, value_parser = clap::value_parser!(u16).range(2..=1000))]
    users: u16,
    /// Instead of breaking anything, restart each server so often, one after the other, behind nginx
    #[arg(long, value_name = "TIMES", conflicts_with_all = ["seconds", "kills", "messages"])]
    rolling: Option<u64>,
    /// The server's program [default: hongyan, beside this one]
    #[arg(long)]
    server: Option<PathBuf>,
    /// Where everything is kept that the run makes; removed when nothing was wrong [default: a new temporary folder]
    #[arg(long)]
    folder: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run::run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // Nothing is left to be done when even this cannot be written.
            let _ = writeln!(std::io::stderr(), "chaos: {error:#}");
            ExitCode::FAILURE
        }
    }
}
