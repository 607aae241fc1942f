//! A socket proxy between server and PostgreSQL that can cut a connection at its COMMIT, answer the COMMIT itself, or lead to another
//! PostgreSQL.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::thread;

use anyhow::Context;
use parking_lot::Mutex;

/// When the connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// PostgreSQL does not receive the COMMIT.
    BeforeCommit = 1,
    /// PostgreSQL receives the COMMIT; its response is lost.
    AfterCommit = 2,
    /// PostgreSQL commits; the client gets an error as the response, as from a pooler or a distributed engine.
    AnsweredByError = 3,
}

/// `ErrorResponse` and `ReadyForQuery` of PostgreSQL's protocol.
const COMMIT_ERROR: &[u8] =
    b"E\0\0\0\x38SERROR\0VERROR\0C40003\0Mstatement completion unknown\0\0Z\0\0\0\x05I";

const DISARMED: u8 = 0;
const SOCKET: &str = ".s.PGSQL.5432";
/// A COMMIT as libpq sends it: a simple query in a packet of its own.
const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";

/// Listens on a socket in its own folder and forwards to PostgreSQL's socket.
pub(crate) struct CommitProxy {
    armed: Arc<AtomicU8>,
    target: Arc<Target>,
}

/// Where new connections lead, and those that are open.
struct Target {
    socket: Mutex<PathBuf>,
    open: Mutex<Vec<UnixStream>>,
}

impl CommitProxy {
    /// Forwards from a new socket in the folder `from` to the one in the folder `to`.
    pub(crate) fn start(from: &Path, to: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(from)?;
        let listener = UnixListener::bind(from.join(SOCKET)).context("the proxy cannot listen")?;
        let target = Arc::new(Target { socket: Mutex::new(to.join(SOCKET)), open: Mutex::default() });
        let proxy = Self { armed: Arc::new(AtomicU8::new(DISARMED)), target: Arc::clone(&target) };
        let armed = Arc::clone(&proxy.armed);
        thread::Builder::new().name("proxy".to_owned()).spawn(move || accept(&listener, &target, &armed))?;
        Ok(proxy)
    }

    /// Leads to the socket in another folder from now on, and closes all connections, as when an address moves.
    pub(crate) fn lead_to(&self, to: &Path) {
        *self.target.socket.lock() = to.join(SOCKET);
        for connection in std::mem::take(&mut *self.target.open.lock()) {
            // An error means that it is closed already.
            let _ = connection.shutdown(Shutdown::Both);
        }
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
    let host = host(url)?;
    let socket_folder = PathBuf::from(host.replace("%2F", "/"));
    anyhow::ensure!(
        socket_folder.join(SOCKET).exists(),
        "PostgreSQL's socket is not in {}",
        socket_folder.display()
    );
    let folder = folder.to_str().context("the folder's name is not UTF-8")?;
    Ok((url.replacen(host, &folder.replace('/', "%2F"), 1), socket_folder))
}

/// The `host` of a cluster's URL, percent-encoded.
pub(crate) fn host(url: &str) -> anyhow::Result<&str> {
    let host = url.split("host=").nth(1).and_then(|rest| rest.split('&').next());
    host.context("the cluster's URL names no socket")
}

fn accept(listener: &UnixListener, target: &Target, armed: &Arc<AtomicU8>) {
    for client in listener.incoming().map_while(Result::ok) {
        // While PostgreSQL is down, the client's connection is closed, as by a host whose service is down.
        let to = target.socket.lock().clone();
        let Ok(server) = UnixStream::connect(to) else { continue };
        target.open.lock().extend(client.try_clone());
        let armed = Arc::clone(armed);
        let forward =
            thread::Builder::new().stack_size(256 * 1024).spawn(move || forward(client, server, &armed));
        drop(forward);
    }
}

/// Forwards bytes both ways until one side closes or the connection is cut.
fn forward(mut client: UnixStream, mut server: UnixStream, armed: &AtomicU8) {
    let (Ok(mut from_server), Ok(mut to_client)) = (server.try_clone(), client.try_clone()) else { return };
    let replaces = Arc::new(AtomicBool::new(false));
    let replaced = Arc::clone(&replaces);
    let back = thread::spawn(move || {
        answer(&mut from_server, &mut to_client, &replaced);
        let _ = to_client.shutdown(Shutdown::Both);
    });
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = client.read(&mut buffer) {
        let bytes = buffer.get(..length).unwrap_or_default();
        let cut = if bytes == COMMIT { armed.swap(DISARMED, Ordering::SeqCst) } else { DISARMED };
        if cut == Cut::AnsweredByError as u8 {
            replaces.store(true, Ordering::SeqCst);
        } else if cut != DISARMED {
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

/// Forwards what PostgreSQL answers, except the answer to a COMMIT that is to be an error.
fn answer(from_server: &mut UnixStream, to_client: &mut UnixStream, replaces: &AtomicBool) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from_server.read(&mut buffer) {
        // The client waits for each answer, so one read holds the answer to COMMIT and nothing else.
        let replaced = replaces.swap(false, Ordering::SeqCst);
        let bytes = if replaced { COMMIT_ERROR } else { buffer.get(..length).unwrap_or_default() };
        if to_client.write_all(bytes).is_err() {
            return;
        }
    }
}
