//! A proxy before PostgreSQL that can cut a connection at its COMMIT, or answer the COMMIT itself.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::thread;

use crate::socket_proxy::SocketProxy;

/// When the connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The server receives the COMMIT; its response is lost.
    AfterCommit = 1,
    /// The server does not receive the COMMIT.
    BeforeCommit = 2,
    /// The server commits; the client is answered with an error, as a pooler or a distributed engine does.
    AnsweredByError = 3,
}

/// `ErrorResponse` and `ReadyForQuery` of PostgreSQL's protocol.
const COMMIT_ERROR: &[u8] =
    b"E\0\0\0\x38SERROR\0VERROR\0C40003\0Mstatement completion unknown\0\0Z\0\0\0\x05I";

const DISARMED: u8 = 0;

/// The proxy.
pub(crate) struct CommitProxy {
    way: SocketProxy,
    armed: Arc<AtomicU8>,
}

impl CommitProxy {
    pub(crate) fn start(url: &str) -> Self {
        let armed = Arc::new(AtomicU8::new(DISARMED));
        let shared = Arc::clone(&armed);
        Self { way: SocketProxy::open(url, move |client, server| forward(client, server, &shared)), armed }
    }

    pub(crate) fn url(&self) -> &str {
        self.way.url()
    }

    /// Cuts the next connection that commits.
    pub(crate) fn arm(&self, cut: Cut) {
        self.armed.store(cut as u8, Ordering::SeqCst);
    }

    pub(crate) fn has_cut(&self) -> bool {
        self.armed.load(Ordering::SeqCst) == DISARMED
    }
}

/// Forwards bytes both ways until one side closes or the connection is cut.
fn forward(mut client: UnixStream, mut server: UnixStream, armed: &AtomicU8) {
    let (mut from_server, mut to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    let replace = Arc::new(AtomicBool::new(false));
    let replaces = Arc::clone(&replace);
    let back = thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from_server.read(&mut buffer) {
            // The client waits for each answer, so that one read holds the answer to COMMIT and nothing else.
            let replaced = replaces.swap(false, Ordering::SeqCst);
            let bytes = if replaced { COMMIT_ERROR } else { &buffer[..length] };
            if to_client.write_all(bytes).is_err() {
                break;
            }
        }
        let _ = to_client.shutdown(std::net::Shutdown::Both);
    });
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length) = client.read(&mut buffer) {
        let bytes = &buffer[..length];
        let commits = bytes.windows(6).any(|word| word == b"COMMIT");
        let cut = if commits { armed.swap(DISARMED, Ordering::SeqCst) } else { DISARMED };
        if cut == Cut::AnsweredByError as u8 {
            replace.store(true, Ordering::SeqCst);
        } else if cut != DISARMED {
            // From here on no response reaches the client.
            let _ = client.shutdown(std::net::Shutdown::Both);
        }
        if length == 0 || cut == Cut::BeforeCommit as u8 || server.write_all(bytes).is_err() {
            break;
        }
        if cut == Cut::AfterCommit as u8 {
            // The server commits before it notices the closed connection; its response is discarded.
            let _ = server.shutdown(std::net::Shutdown::Write);
            let _ = back.join();
            return;
        }
    }
    let _ = server.shutdown(std::net::Shutdown::Both);
    let _ = back.join();
}
