//! A server as a child process.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal};

use crate::fleet::{Fleet, ServerAddress};

/// How to start a server.
#[derive(Debug, Clone)]
pub(crate) struct LaunchConfig {
    pub(crate) path: PathBuf,
    pub(crate) database_url: String,
    pub(crate) folder: PathBuf,
    /// The address each instance binds.
    pub(crate) binds: [String; Fleet::SIZE],
    /// How long an instance keeps serving after SIGTERM.
    pub(crate) drain: Duration,
    pub(crate) environment: LaunchEnvironment,
}

/// Further settings of the servers.
#[derive(Debug, Clone, Default)]
pub(crate) struct LaunchEnvironment {
    pub(crate) settings: Vec<(&'static str, String)>,
    /// Whether the quotas are as by default. Otherwise they are off, because the virtual users work as fast as they can.
    pub(crate) has_quotas: bool,
}

/// A running server.
#[derive(Debug)]
pub(crate) struct ServerProcess {
    child: Child,
    pub(crate) address: ServerAddress,
}

impl ServerProcess {
    /// Starts the next incarnation of an instance and waits until it listens.
    pub(crate) fn start(program: &LaunchConfig, instance: usize, incarnation: u64) -> anyhow::Result<Self> {
        let log = program.folder.join(format!("server-{instance}.log"));
        let mut child = command(program, instance, &log)?.spawn().context("the server cannot be started")?;
        let banner = BufReader::new(child.stdout.take().context("the server has no output")?);
        let line = banner.lines().map_while(Result::ok).find(|line| line.contains("listening on"));
        let Some(base) = line.as_deref().and_then(|line| line.split_whitespace().last()) else {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            bail!("the server did not start: {}", said.lines().last().unwrap_or_default());
        };
        Ok(Self { child, address: ServerAddress { instance, incarnation, base: base.to_owned() } })
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        // A process that has died already is noticed by `wait`.
        let _ = pid.map(|pid| rustix::process::kill_process(pid, signal));
    }

    pub(crate) fn kill(mut self) -> anyhow::Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("the server had ended by itself: {status}");
        }
        self.signal(Signal::KILL);
        self.child.wait().context("the killed server cannot be waited for")?;
        Ok(())
    }

    pub(crate) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    pub(crate) fn interrupt(&self) {
        self.signal(Signal::INT);
    }

    /// The exit status; `None` if the process still runs after `patience`.
    pub(crate) fn ended_within(&mut self, patience: Duration) -> anyhow::Result<Option<ExitStatus>> {
        let deadline = Instant::now() + patience;
        loop {
            let status = self.child.try_wait()?;
            if status.is_some() || Instant::now() >= deadline {
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // Errors mean that the process is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The quotas.
const QUOTAS: [&str; 8] = [
    "MESSAGES_PER_MINUTE",
    "MESSAGE_KILOBYTES_PER_MINUTE",
    "REQUESTS_PER_DAY",
    "LOOKUPS_PER_MINUTE",
    "UID_CHANGES_PER_DAY",
    "REGISTRATIONS_PER_HOUR",
    "EXPORTS_PER_HOUR",
    "REFUSALS_PER_MINUTE",
];

fn command(program: &LaunchConfig, instance: usize, log: &Path) -> anyhow::Result<Command> {
    let log = File::options().create(true).append(true).open(log)?;
    let bind = program.binds.get(instance).context("there is no such instance")?;
    let mut command = Command::new(&program.path);
    command
        .env_clear()
        .env("DATABASE_URL", &program.database_url)
        .env("HONGYAN_JWT_SECRET", "the crash harness signs its tokens with this")
        .env("HONGYAN_BIND", bind)
        .env("HONGYAN_DRAIN_SECONDS", program.drain.as_secs().to_string())
        .env("HONGYAN_BCRYPT_COST", "4")
        .env("HONGYAN_LOG", "warn")
        // No user has to log in a second time, and no recall is too late.
        .env("HONGYAN_ACCESS_TOKEN_SECONDS", "864000")
        .env("HONGYAN_RECALL_WINDOW_SECONDS", "864000")
        .envs(program.environment.settings.iter().cloned())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log);
    if !program.environment.has_quotas {
        command.envs(QUOTAS.map(|quota| (format!("HONGYAN_QUOTA_{quota}"), "0")));
    }
    Ok(command)
}
