//! An open-loop load generator: it sends messages at a fixed rate, however slowly the server responds. It is not part of the
//! product.
//!
//! `wrk` is a closed loop: each client waits for its response, so it never offers more than the server can take. Here each
//! arrival uses one of thousands of idle connections. Latency is measured from the time at which a request was due, which
//! avoids coordinated omission.
//!
//! It runs on one thread, so that it can have a core of its own. It knows nothing of the server's code: its input is HTTP and
//! the tokens and pairs of users that `scripts/bench.d/lib` writes into a folder.

mod arrivals;
mod connections;
mod devices;
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

use crate::arrivals::Arrivals;
use crate::connections::LoadConnections;
use crate::devices::open_devices;
use crate::messages::Messages;
use crate::stats::LoadStats;

/// Offers messages at a fixed rate and prints the results in one line: offered; answered with 200, and their median and 99th
/// percentile (ms); refused with 429 or 503, and their median and 99th percentile (ms, from the time of sending); all others.
/// Rates are per second. With `--devices` a second line follows: devices that are live at the end; frames with messages, and the
/// median and 99th percentile of their age (ms since due); cuts, and the longest time until a device was live again (ms); refusals.
#[derive(Debug, Parser)]
struct LoadArguments {
    /// The server's address
    #[arg(long)]
    address: SocketAddr,
    /// The folder with the files `tokens` and `pairs`
    #[arg(long)]
    folder: PathBuf,
    /// Messages per second; 0 for none
    #[arg(long)]
    rate: f64,
    /// Duration; the first second is not counted
    #[arg(long, default_value_t = 8.0)]
    seconds: f64,
    /// Number of connections
    #[arg(long, default_value_t = 8192)]
    connections: usize,
    /// Number of devices that hold a socket, with the tokens of the file `receivers` in turn
    #[arg(long, default_value_t = 0)]
    devices: usize,
    /// The address of the devices' server, if it is another instance
    #[arg(long)]
    devices_address: Option<SocketAddr>,
}

/// Time that is not counted, while queues fill up.
const WARM_UP: Duration = Duration::from_secs(1);
/// How often due requests are sent.
const TICK: Duration = Duration::from_millis(1);
/// How long to wait for the last responses.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(20);

/// The clock of a run and what it counts.
struct Run {
    epoch: Instant,
    stats: Rc<RefCell<LoadStats>>,
    arrivals: Rc<RefCell<Arrivals>>,
}

impl Run {
    fn of(arguments: &LoadArguments) -> Self {
        let epoch = Instant::now();
        let arrivals = Rc::new(RefCell::new(Arrivals::new(arguments.devices, epoch)));
        Self { epoch, stats: Rc::default(), arrivals }
    }

    /// Opens the devices' sockets and says so on stderr, where a script waits for it.
    async fn open_devices(&self, arguments: &LoadArguments) -> anyhow::Result<()> {
        if arguments.devices > 0 {
            let tokens = messages::lines(&arguments.folder, "receivers")?;
            let server = arguments.devices_address.unwrap_or(arguments.address);
            open_devices(server, tokens, arguments.devices, &self.arrivals).await?;
            writeln!(std::io::stderr(), "live")?;
        }
        Ok(())
    }

    /// Offers messages until `end`.
    async fn offer(&self, arguments: &LoadArguments, end: Instant) -> anyhow::Result<()> {
        let mut messages = Messages::read(&arguments.folder)?;
        let connections =
            LoadConnections::open(arguments.address, arguments.connections, Rc::clone(&self.stats)).await?;
        let mut ticks = tokio::time::interval(TICK);
        let mut next = Instant::now();
        let gap = Duration::from_secs_f64(1.0 / arguments.rate);
        while next < end {
            ticks.tick().await;
            let now = Instant::now();
            while next <= now && next < end {
                self.stats.borrow_mut().record_offer(next);
                connections.send(messages.next(next - self.epoch), next);
                next += gap;
            }
        }
        let deadline = Instant::now() + DRAIN_TIMEOUT;
        while self.stats.borrow().has_pending() && Instant::now() < deadline {
            tokio::time::sleep(TICK * 10).await;
        }
        Ok(())
    }
}

async fn generate(arguments: &LoadArguments) -> anyhow::Result<String> {
    let run = Run::of(arguments);
    run.open_devices(arguments).await?;
    let begun = Instant::now();
    let end = begun + Duration::from_secs_f64(arguments.seconds);
    run.stats.borrow_mut().set_window(begun + WARM_UP, end);
    run.arrivals.borrow_mut().set_window(begun + WARM_UP, end);
    if arguments.rate > 0.0 {
        run.offer(arguments, end).await?;
        tokio::time::sleep(WARM_UP).await;
    } else {
        tokio::time::sleep_until(end.into()).await;
    }
    let mut line = run.stats.borrow_mut().line();
    if arguments.devices > 0 {
        line = format!("{line}\n{}", run.arrivals.borrow_mut().line());
    }
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
