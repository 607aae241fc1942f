//! A proxy before PostgreSQL's socket, with which a test can observe or disturb the connections.

use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

const SOCKET: &str = ".s.PGSQL.5432";

/// A listening socket that leads to PostgreSQL's.
pub(crate) struct SocketProxy {
    url: String,
    folder: PathBuf,
}

fn percent_decoded(text: &str) -> String {
    text.replace("%2F", "/").replace("%2D", "-").replace("%5F", "_").replace("%2E", ".")
}

impl SocketProxy {
    /// Runs `forward` (client, server) for each connection, on a thread of its own.
    pub(crate) fn open(url: &str, forward: impl Fn(UnixStream, UnixStream) + Send + Sync + 'static) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let host = url.split("host=").nth(1).unwrap().split('&').next().unwrap();
        let server = Path::new(&percent_decoded(host)).join(SOCKET);
        let name = format!("hongyan-proxy-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let listener = UnixListener::bind(folder.join(SOCKET)).unwrap();
        let forward = Arc::new(forward);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (server, forward) = (UnixStream::connect(&server).unwrap(), Arc::clone(&forward));
                thread::spawn(move || forward(client, server));
            }
        });
        let url = url.replacen(host, &folder.to_str().unwrap().replace('/', "%2F"), 1);
        Self { url, folder }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for SocketProxy {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
