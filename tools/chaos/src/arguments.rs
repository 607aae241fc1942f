//! The command line.

use std::path::PathBuf;

use clap::Parser;

use crate::fail_over::Disaster;

/// Kills two servers and their PostgreSQL under load, and checks that nothing was lost.
#[derive(Debug, Parser)]
pub(crate) struct ChaosArguments {
    /// Seed of the faults and the load [default: random]
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Run for at least this many seconds
    #[arg(long, default_value_t = 20)]
    pub(crate) seconds: u64,
    /// Run until each kind of fault has been injected this many times
    #[arg(long, default_value_t = 1)]
    pub(crate) kills: u64,
    /// Run until this many messages have been acknowledged
    #[arg(long, default_value_t = 0)]
    pub(crate) messages: u64,
    /// Number of users
    #[arg(long, default_value_t = 96, value_parser = clap::value_parser!(u16).range(2..=1000))]
    pub(crate) users: u16,
    /// Instead of injecting faults, restart each server this many times, one after the other, behind nginx
    #[arg(long, value_name = "TIMES", conflicts_with_all = ["seconds", "kills", "messages"])]
    pub(crate) rolling: Option<u64>,
    /// Instead of injecting faults, let a hostile account and a hostile address work against honest people for this long
    #[arg(long, value_name = "SECONDS", conflicts_with_all = ["seconds", "kills", "messages", "rolling", "users"])]
    pub(crate) siege: Option<u64>,
    /// Instead of checking messages alone, let people with three devices each work, and compare their devices
    #[arg(long, conflicts_with_all = ["kills", "messages", "rolling", "siege"])]
    pub(crate) devices: bool,
    /// Instead of injecting faults into one PostgreSQL, let these happen to a replicated one [default: all]
    #[arg(long, value_name = "DISASTER", num_args = 0.., value_delimiter = ',', conflicts_with_all = ["seconds", "kills", "messages", "rolling", "siege"])]
    pub(crate) fail_over: Option<Vec<Disaster>>,
    /// How often each disaster happens
    #[arg(long, default_value_t = 1, requires = "fail_over")]
    pub(crate) rounds: u64,
    /// Use this empty database for --fail-over, and --strike as the disaster
    #[arg(long, value_name = "URL", requires = "strike")]
    pub(crate) database_url: Option<String>,
    /// The command that makes the given database fail over; it ends when all is repaired
    #[arg(long, value_name = "COMMAND", requires_all = ["database_url", "fail_over"])]
    pub(crate) strike: Option<PathBuf>,
    /// Put `PgBouncer` with deploy/pgbouncer.ini between the servers and PostgreSQL
    #[arg(long)]
    pub(crate) pgbouncer: bool,
    /// The server's executable [default: hongyan, beside this one]
    #[arg(long)]
    pub(crate) server: Option<PathBuf>,
    /// Working folder; removed when nothing was wrong [default: a new temporary folder]
    #[arg(long)]
    pub(crate) folder: Option<PathBuf>,
}
