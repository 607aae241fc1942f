//! An open-loop load generator: it sends messages at a fixed rate, however slowly the server responds. It is not part of the
//! product.
//!
//! `wrk` is a closed loop: each client waits for its response, so it never offers more than the server can take. Here each
//! arrival uses one of thousands of idle connections. Latency is measured from the time at which a request was due, which
//! avoids coordinated omission.
//!
//! It runs on one thread, so that it can have a core of its own. It knows nothing of the server's code: its input is HTTP and
//! the tokens and pairs of users that `scripts/bench.d/lib` writes into a folder.

mod connections;
mod messages;
mod stats;

use std::cell::RefCell;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use clap::Parser;
use tokio::task::LocalSet;

use crate::connections::LoadConnections;
use crate::messages::Messages;
use crate::stats::LoadStats;

/// Offers messages at a fixed rate and prints the results in one line: offered; answered with 200, and their median and 99th
/// percentile (ms); refused with 429 or 503, and their median and 99th percentile (ms, from the time of sending); all others.
/// Rates are per second.
#[derive(Debug, Parser)]
struct LoadArguments {
    /// The server's address
    #[arg(long)]
    address: SocketAddr,
    /// The folder with the files `tokens` and `pairs`
    #[arg(long)]
    folder: PathBuf,
    /// Messages per second
    #[arg(long)]
    rate: f64,
    /// Duration; the first second is not counted
    #[arg(long, default_value_t = 8.0)]
    seconds: f64,
    /// Number of connections
    #[arg(long, default_value_t = 8192)]
    connections: usize,
}

/// Time that is not counted, while queues fill up.
const WARM_UP: Duration = Duration::from_secs(1);
/// How often due requests are sent.
const TICK: Duration = Duration::from_millis(1);
/// How long to wait for the last responses.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(20);

async fn generate(arguments: &LoadArguments) -> anyhow::Result<String> {
    let mut messages = Messages::read(&arguments.folder)?;
    let stats = Rc::new(RefCell::new(LoadStats::default()));
    let connections =
        LoadConnections::open(arguments.address, arguments.connections, Rc::clone(&stats)).await?;
    let begun = Instant::now();
    let end = begun + Duration::from_secs_f64(arguments.seconds);
    stats.borrow_mut().set_window(begun + WARM_UP, end);
    let mut ticks = tokio::time::interval(TICK);
    let mut next = begun;
    let gap = Duration::from_secs_f64(1.0 / arguments.rate);
    while next < end {
        ticks.tick().await;
        let now = Instant::now();
        while next <= now && next < end {
            stats.borrow_mut().record_offer(next);
            connections.send(messages.next(), next);
            next += gap;
        }
    }
    let deadline = Instant::now() + DRAIN_TIMEOUT;
    while stats.borrow().has_pending() && Instant::now() < deadline {
        tokio::time::sleep(TICK * 10).await;
    }
    let line = stats.borrow_mut().line();
    Ok(line)
}

fn run(arguments: &LoadArguments) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let line = LocalSet::new().block_on(&runtime, generate(arguments))?;
    writeln!(std::io::stdout(), "{line}")?;
    Ok(())
}

fn main() -> ExitCode {
    match run(&LoadArguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // If stderr cannot be written, nothing is left to do.
            let _ = writeln!(std::io::stderr(), "load: {error:#}");
            ExitCode::FAILURE
        }
    }
}
