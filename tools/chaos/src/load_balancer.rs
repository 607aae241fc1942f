//! nginx in front of the servers, configured by `deploy/nginx.conf`.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::Signal;

use crate::child_processes::{children_of, signal};
use crate::fleet::Fleet;
use crate::free_ports::free_addresses;

/// A running nginx.
pub(crate) struct LoadBalancer {
    child: Child,
    folder: PathBuf,
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
        let [front, first, second] = free_addresses()?;
        let upstreams = [first, second];
        let folder = folder.join("nginx");
        fs::create_dir(&folder)?;
        fs::write(folder.join("site.conf"), site(&front, &upstreams)?)?;
        fs::write(folder.join("nginx.conf"), around(&folder))?;
        let mut load_balancer =
            Self { child: spawn(&folder)?, folder, base: format!("http://{front}"), upstreams };
        load_balancer.wait_until_it_listens()?;
        Ok(load_balancer)
    }

    fn wait_until_it_listens(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + TIMEOUT;
        while TcpStream::connect(self.base.trim_start_matches("http://")).is_err() {
            if self.child.try_wait()?.is_some() || Instant::now() > deadline {
                bail!("nginx did not start: {}", self.errors().unwrap_or_default());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Kills nginx with its workers. [`Self::restart`] starts it again.
    ///
    /// # Errors
    /// When it has ended by itself.
    pub(crate) fn kill(&mut self) -> anyhow::Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("nginx had ended by itself: {status}");
        }
        let workers = children_of(self.child.id());
        self.child.kill()?;
        for pid in workers {
            signal(pid, Signal::KILL);
        }
        self.child.wait()?;
        Ok(())
    }

    /// Starts nginx again after [`Self::kill`].
    ///
    /// # Errors
    /// When it does not listen in time.
    pub(crate) fn restart(&mut self) -> anyhow::Result<()> {
        self.child = spawn(&self.folder)?;
        self.wait_until_it_listens()
    }

    /// Lets nginx read its configuration again, and waits for its new workers. The old ones keep the connections that they have.
    ///
    /// # Errors
    /// When no new worker comes in time.
    pub(crate) fn reload(&self) -> anyhow::Result<()> {
        let before = children_of(self.child.id());
        signal(self.child.id(), Signal::HUP);
        let deadline = Instant::now() + TIMEOUT;
        while children_of(self.child.id()).iter().all(|pid| before.contains(pid)) {
            anyhow::ensure!(Instant::now() < deadline, "nginx does not reload: {}", self.errors()?);
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    fn errors(&self) -> anyhow::Result<String> {
        fs::read_to_string(self.folder.join("error.log")).context("nginx's log cannot be read")
    }

    /// How often nginx found an upstream closed and asked the other one.
    pub(crate) fn refused(&self) -> anyhow::Result<usize> {
        Ok(self.errors()?.lines().filter(|line| line.contains("Connection refused")).count())
    }
}

impl Drop for LoadBalancer {
    fn drop(&mut self) {
        // SIGTERM also ends the workers. Errors mean that nginx is gone already.
        if matches!(self.child.try_wait(), Ok(None)) {
            signal(self.child.id(), Signal::TERM);
            let _ = self.child.wait();
        }
    }
}

fn spawn(folder: &Path) -> anyhow::Result<Child> {
    let mut command = Command::new("nginx");
    command.arg("-c").arg(folder.join("nginx.conf")).arg("-e").arg(folder.join("error.log"));
    command.stdin(Stdio::null()).spawn().context("nginx cannot be started; is it installed?")
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
