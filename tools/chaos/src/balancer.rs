//! nginx in front of the servers, as `deploy/nginx.conf` sets it up.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::fleet::Fleet;

/// A running nginx.
pub(crate) struct Balancer {
    child: Child,
    log: PathBuf,
    /// Where people find it.
    pub(crate) base: String,
    /// Where the servers are to listen.
    pub(crate) behind: [String; Fleet::SIZE],
}

/// The file as it is, but for addresses and certificates.
const SITE: &str = include_str!("../../../deploy/nginx.conf");
const PATIENCE: Duration = Duration::from_secs(10);

impl Balancer {
    /// How long the servers serve on behind it: more than its `fail_timeout` takes to pass, as `deploy/nginx.conf` says.
    pub(crate) const DRAIN: Duration = Duration::from_secs(3);

    /// Starts it; nothing needs to listen behind it yet.
    pub(crate) fn start(folder: &Path) -> anyhow::Result<Self> {
        let mut ports = free_ports();
        let mut next = || ports.next().map(|port| format!("127.0.0.1:{port}")).context("no port is free");
        let (front, behind) = (next()?, [next()?, next()?]);
        let folder = folder.join("nginx");
        fs::create_dir(&folder)?;
        fs::write(folder.join("site.conf"), site(&front, &behind)?)?;
        fs::write(folder.join("nginx.conf"), around(&folder))?;
        let log = folder.join("error.log");
        let mut command = Command::new("nginx");
        command.arg("-c").arg(folder.join("nginx.conf")).arg("-e").arg(&log);
        let child =
            command.stdin(Stdio::null()).spawn().context("nginx cannot be started; is it installed?")?;
        let mut balancer = Self { child, log, base: format!("http://{front}"), behind };
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(&front).is_err() {
            if balancer.child.try_wait()?.is_some() || Instant::now() > deadline {
                bail!("nginx did not start: {}", fs::read_to_string(&balancer.log).unwrap_or_default());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(balancer)
    }

    /// How often it found nobody listening, and asked the other server.
    pub(crate) fn refused(&self) -> anyhow::Result<usize> {
        let log = fs::read_to_string(&self.log).context("nginx' log cannot be read")?;
        Ok(log.lines().filter(|line| line.contains("Connection refused")).count())
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        // SIGTERM, so that its workers go too. It is gone already, or is to go.
        let pid = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        let _ = pid.map(|pid| rustix::process::kill_process(pid, rustix::process::Signal::TERM));
        let _ = self.child.wait();
    }
}

/// Ports that nothing listens at, below those that the system gives to outgoing connections: a server finds its own again
/// when it is restarted.
fn free_ports() -> impl Iterator<Item = u16> {
    let first = 20_000 + u16::try_from(std::process::id() % 5000).unwrap_or_default() * 2;
    (first..32_000).filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
}

/// The project's file with these addresses, and without TLS.
fn site(front: &str, behind: &[String; Fleet::SIZE]) -> anyhow::Result<String> {
    const UPSTREAM: &str = "    server 127.0.0.1:8080 ";
    let line =
        SITE.lines().find(|line| line.starts_with(UPSTREAM)).context("deploy/nginx.conf has no server")?;
    let lines = behind.each_ref().map(|address| line.replace("127.0.0.1:8080", address));
    let text = SITE.replace(line, &lines.join("\n")).replace("listen 443 ssl", &format!("listen {front}"));
    Ok(text.lines().filter(|line| !line.contains("ssl_certificate")).collect::<Vec<_>>().join("\n"))
}

/// What stands around the site in nginx' main file.
fn around(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "daemon off; worker_processes 2; pid {folder}/pid; error_log {folder}/error.log;\n\
         events {{}}\n\
         http {{ access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;\n\
         fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;\n\
         include {folder}/site.conf; }}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_projects_own_file_is_used_with_both_servers() {
        let text = site("127.0.0.1:1", &["127.0.0.1:2".to_owned(), "127.0.0.1:3".to_owned()]).unwrap();
        for expected in
            ["listen 127.0.0.1:1;", "server 127.0.0.1:2 max_fails", "server 127.0.0.1:3 max_fails"]
        {
            assert!(text.contains(expected), "{expected} is missing:\n{text}");
        }
        assert!(!text.contains("8080") && !text.contains("ssl"), "{text}");
    }
}
