//! An open loop: messages are sent at a fixed rate, however the server answers. It is no part of the product.
//!
//! `wrk` is a closed loop: a client that waits for its answer asks for nothing meanwhile, so that it never offers more than
//! the server can take. Here each arrival takes a connection that waits for nothing; there are thousands, as of people who
//! are there already. How long an answer takes is measured from the moment at which it was due to be sent.
//!
//! It runs on one thread, so that it can be given a core of its own. It must not know how the server is made: it sees the tokens
//! and the pairs of people that `scripts/bench.d/lib` has left in a folder, and HTTP.

mod connection;
mod messages;
mod tally;

use std::cell::RefCell;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use clap::Parser;
use tokio::task::LocalSet;

use crate::connection::Connections;
use crate::messages::Messages;
use crate::tally::Tally;

/// Offers messages at a fixed rate and says what became of them, in one line: offered, answered with 200, median and 99th
/// percentile of these (ms), refused with 429 or 503, median and 99th percentile of these (ms, from when they were really sent), all
/// others; rates are per second.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where the server listens
    #[arg(long)]
    address: SocketAddr,
    /// Where the tokens and the pairs are
    #[arg(long)]
    folder: PathBuf,
    /// Messages per second
    #[arg(long)]
    rate: f64,
    /// How long; the first second is not counted
    #[arg(long, default_value_t = 8.0)]
    seconds: f64,
    /// How many connections there are
    #[arg(long, default_value_t = 8192)]
    connections: usize,
}

/// What is not counted: queues fill up.
const WARM_UP: Duration = Duration::from_secs(1);
/// How often is looked for what is due.
const TICK: Duration = Duration::from_millis(1);
/// How long is waited for the last answers.
const PATIENCE: Duration = Duration::from_secs(20);

async fn offer(arguments: &Arguments) -> anyhow::Result<String> {
    let mut messages = Messages::read(&arguments.folder)?;
    let tally = Rc::new(RefCell::new(Tally::default()));
    let connections = Connections::open(arguments.address, arguments.connections, Rc::clone(&tally)).await?;
    let begun = Instant::now();
    let end = begun + Duration::from_secs_f64(arguments.seconds);
    tally.borrow_mut().count(begun + WARM_UP, end);
    let mut ticks = tokio::time::interval(TICK);
    let mut next = begun;
    let gap = Duration::from_secs_f64(1.0 / arguments.rate);
    while next < end {
        ticks.tick().await;
        let now = Instant::now();
        while next <= now && next < end {
            tally.borrow_mut().offered(next);
            connections.send(messages.next(), next);
            next += gap;
        }
    }
    let deadline = Instant::now() + PATIENCE;
    while tally.borrow().is_waiting() && Instant::now() < deadline {
        tokio::time::sleep(TICK * 10).await;
    }
    let line = tally.borrow_mut().line();
    Ok(line)
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let line = LocalSet::new().block_on(&runtime, offer(arguments))?;
    writeln!(std::io::stdout(), "{line}")?;
    Ok(())
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to be done when even this cannot be written.
            let _ = writeln!(std::io::stderr(), "load: {error:#}");
            ExitCode::FAILURE
        }
    }
}
