//! nginx in front of the servers, configured by `deploy/nginx.conf`.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::fleet::Fleet;

/// A running nginx.
pub(crate) struct LoadBalancer {
    child: Child,
    log: PathBuf,
    /// The base URL that the users call.
    pub(crate) base: String,
    /// The addresses on which the servers must listen.
    pub(crate) upstreams: [String; Fleet::SIZE],
}

/// The deployed file; addresses and certificates are replaced.
const SITE: &str = include_str!("../../../deploy/nginx.conf");
const TIMEOUT: Duration = Duration::from_secs(10);

impl LoadBalancer {
    /// How long a server keeps serving after SIGTERM: longer than nginx's `fail_timeout`, as `deploy/nginx.conf` asks.
    pub(crate) const DRAIN: Duration = Duration::from_secs(3);

    /// Starts nginx. The upstream servers need not run yet.
    pub(crate) fn start(folder: &Path) -> anyhow::Result<Self> {
        let mut ports = free_ports();
        let mut next = || ports.next().map(|port| format!("127.0.0.1:{port}")).context("no port is free");
        let (front, upstreams) = (next()?, [next()?, next()?]);
        let folder = folder.join("nginx");
        fs::create_dir(&folder)?;
        fs::write(folder.join("site.conf"), site(&front, &upstreams)?)?;
        fs::write(folder.join("nginx.conf"), around(&folder))?;
        let log = folder.join("error.log");
        let mut command = Command::new("nginx");
        command.arg("-c").arg(folder.join("nginx.conf")).arg("-e").arg(&log);
        let child =
            command.stdin(Stdio::null()).spawn().context("nginx cannot be started; is it installed?")?;
        let mut load_balancer = Self { child, log, base: format!("http://{front}"), upstreams };
        let deadline = Instant::now() + TIMEOUT;
        while TcpStream::connect(&front).is_err() {
            if load_balancer.child.try_wait()?.is_some() || Instant::now() > deadline {
                bail!("nginx did not start: {}", fs::read_to_string(&load_balancer.log).unwrap_or_default());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(load_balancer)
    }

    /// How often nginx found an upstream closed and asked the other one.
    pub(crate) fn refused(&self) -> anyhow::Result<usize> {
        let log = fs::read_to_string(&self.log).context("nginx's log cannot be read")?;
        Ok(log.lines().filter(|line| line.contains("Connection refused")).count())
    }
}

impl Drop for LoadBalancer {
    fn drop(&mut self) {
        // SIGTERM also ends the workers. An error means that nginx is gone already.
        let pid = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        let _ = pid.map(|pid| rustix::process::kill_process(pid, rustix::process::Signal::TERM));
        let _ = self.child.wait();
    }
}

/// Free ports below the ephemeral range, so that a restarted server can bind its port again.
fn free_ports() -> impl Iterator<Item = u16> {
    let first = 20_000 + u16::try_from(std::process::id() % 5000).unwrap_or_default() * 2;
    (first..32_000).filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
}

/// `deploy/nginx.conf` with these addresses and without TLS.
fn site(front: &str, upstreams: &[String; Fleet::SIZE]) -> anyhow::Result<String> {
    const UPSTREAM: &str = "    server 127.0.0.1:8080 ";
    let line = SITE
        .lines()
        .find(|line| line.starts_with(UPSTREAM))
        .context("deploy/nginx.conf has no upstream server")?;
    let lines = upstreams.each_ref().map(|address| line.replace("127.0.0.1:8080", address));
    let text = SITE.replace(line, &lines.join("\n")).replace("listen 443 ssl", &format!("listen {front}"));
    Ok(text.lines().filter(|line| !line.contains("ssl_certificate")).collect::<Vec<_>>().join("\n"))
}

/// The main configuration file that includes the site.
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
    fn the_deployed_file_is_used_with_both_servers() {
        let text = site("127.0.0.1:1", &["127.0.0.1:2".to_owned(), "127.0.0.1:3".to_owned()]).unwrap();
        for expected in
            ["listen 127.0.0.1:1;", "server 127.0.0.1:2 max_fails", "server 127.0.0.1:3 max_fails"]
        {
            assert!(text.contains(expected), "{expected} is missing:\n{text}");
        }
        assert!(!text.contains("8080") && !text.contains("ssl"), "{text}");
    }
}
