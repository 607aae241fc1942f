//! A socket proxy between server and PostgreSQL that can cut a connection at its COMMIT.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;

use anyhow::Context;

/// When the connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// PostgreSQL does not receive the COMMIT.
    BeforeCommit = 1,
    /// PostgreSQL receives the COMMIT; its response is lost.
    AfterCommit = 2,
}

const DISARMED: u8 = 0;
const SOCKET: &str = ".s.PGSQL.5432";
/// A COMMIT as libpq sends it: a simple query in a packet of its own.
const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";

/// Listens on a socket in its own folder and forwards to PostgreSQL's socket.
pub(crate) struct CommitProxy {
    armed: Arc<AtomicU8>,
}

impl CommitProxy {
    /// Forwards from a new socket in the folder `from` to the one in the folder `to`.
    pub(crate) fn start(from: &Path, to: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(from)?;
        let listener = UnixListener::bind(from.join(SOCKET)).context("the proxy cannot listen")?;
        let (armed, to) = (Arc::new(AtomicU8::new(DISARMED)), to.join(SOCKET));
        let shared = Arc::clone(&armed);
        thread::Builder::new().name("proxy".to_owned()).spawn(move || accept(&listener, &to, &shared))?;
        Ok(Self { armed })
    }

    /// Cuts the next connection that commits.
    pub(crate) fn arm(&self, cut: Cut) {
        self.armed.store(cut as u8, Ordering::SeqCst);
    }

    pub(crate) fn has_cut(&self) -> bool {
        self.armed.load(Ordering::SeqCst) == DISARMED
    }
}

/// The same URL with another socket folder; also returns the original folder.
pub(crate) fn through_proxy(url: &str, folder: &Path) -> anyhow::Result<(String, PathBuf)> {
    let host = url.split("host=").nth(1).and_then(|rest| rest.split('&').next());
    let host = host.context("the cluster's URL names no socket")?;
    let socket_folder = PathBuf::from(host.replace("%2F", "/"));
    anyhow::ensure!(
        socket_folder.join(SOCKET).exists(),
        "PostgreSQL's socket is not in {}",
        socket_folder.display()
    );
    let folder = folder.to_str().context("the folder's name is not UTF-8")?;
    Ok((url.replacen(host, &folder.replace('/', "%2F"), 1), socket_folder))
}

fn accept(listener: &UnixListener, to: &Path, armed: &Arc<AtomicU8>) {
    for client in listener.incoming().map_while(Result::ok) {
        // While PostgreSQL is down, the client's connection is closed, as by a host whose service is down.
        let Ok(server) = UnixStream::connect(to) else { continue };
        let armed = Arc::clone(armed);
        let forward =
            thread::Builder::new().stack_size(256 * 1024).spawn(move || forward(client, server, &armed));
        drop(forward);
    }
}

/// Forwards bytes both ways until one side closes or the connection is cut.
fn forward(mut client: UnixStream, mut server: UnixStream, armed: &AtomicU8) {
    let (Ok(mut from_server), Ok(mut to_client)) = (server.try_clone(), client.try_clone()) else { return };
    let back = thread::spawn(move || {
        let _ = std::io::copy(&mut from_server, &mut to_client);
        let _ = to_client.shutdown(Shutdown::Both);
    });
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = client.read(&mut buffer) {
        let bytes = buffer.get(..length).unwrap_or_default();
        let cut = if bytes == COMMIT { armed.swap(DISARMED, Ordering::SeqCst) } else { DISARMED };
        if cut != DISARMED {
            // From here on no response reaches the client.
            let _ = client.shutdown(Shutdown::Both);
        }
        if cut == Cut::BeforeCommit as u8 || server.write_all(bytes).is_err() {
            break;
        }
        if cut == Cut::AfterCommit as u8 {
            // PostgreSQL commits before it notices the closed connection; its response is discarded.
            let _ = server.shutdown(Shutdown::Write);
            let _ = back.join();
            return;
        }
    }
    let _ = server.shutdown(Shutdown::Both);
    let _ = back.join();
}
