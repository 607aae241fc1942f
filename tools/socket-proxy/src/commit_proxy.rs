//! A proxy that can cut a connection at its COMMIT, or answer the COMMIT itself.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::thread;

use crate::socket_proxy::SocketProxy;

/// When the connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
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
/// A COMMIT as libpq sends it: a simple query in a packet of its own.
const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";

/// Forwards to PostgreSQL, and cuts a connection on demand.
pub struct CommitProxy {
    armed: Arc<AtomicU8>,
    way: SocketProxy,
}

impl CommitProxy {
    /// Leads to the PostgreSQL of `url`.
    ///
    /// # Errors
    /// When the URL names no socket, or the proxy cannot listen.
    pub fn start(url: &str) -> io::Result<Self> {
        let armed = Arc::new(AtomicU8::new(DISARMED));
        let shared = Arc::clone(&armed);
        Ok(Self {
            armed,
            way: SocketProxy::open(url, move |client, server| forward(client, server, &shared))?,
        })
    }

    /// The URL that leads through the proxy.
    #[must_use]
    pub fn url(&self) -> &str {
        self.way.url()
    }

    /// As [`SocketProxy::lead_to`].
    pub fn lead_to(&self, folder: &Path) {
        self.way.lead_to(folder);
    }

    /// Cuts the next connection that commits.
    pub fn arm(&self, cut: Cut) {
        self.armed.store(cut as u8, Ordering::SeqCst);
    }

    /// Whether the connection that [`Self::arm`] was meant for is cut.
    #[must_use]
    pub fn has_cut(&self) -> bool {
        self.armed.load(Ordering::SeqCst) == DISARMED
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
