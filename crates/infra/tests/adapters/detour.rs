//! Another way to PostgreSQL, on which a test can listen and interfere.

use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

const SOCKET: &str = ".s.PGSQL.5432";

/// A socket of one's own in front of PostgreSQL's.
pub(crate) struct Detour {
    url: String,
    folder: PathBuf,
}

fn percent_decoded(text: &str) -> String {
    text.replace("%2F", "/").replace("%2D", "-").replace("%5F", "_").replace("%2E", ".")
}

impl Detour {
    /// Hands each connection, from the client and on to the server, to `carry` on a thread of its own.
    pub(crate) fn open(url: &str, carry: impl Fn(UnixStream, UnixStream) + Send + Sync + 'static) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let host = url.split("host=").nth(1).unwrap().split('&').next().unwrap();
        let server = Path::new(&percent_decoded(host)).join(SOCKET);
        let name =
            format!("hongyan-detour-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let listener = UnixListener::bind(folder.join(SOCKET)).unwrap();
        let carry = Arc::new(carry);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (server, carry) = (UnixStream::connect(&server).unwrap(), Arc::clone(&carry));
                thread::spawn(move || carry(client, server));
            }
        });
        let url = url.replacen(host, &folder.to_str().unwrap().replace('/', "%2F"), 1);
        Self { url, folder }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Detour {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
