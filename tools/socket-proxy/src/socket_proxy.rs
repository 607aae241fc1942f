//! The proxy itself: it listens on a socket in a folder of its own, and leads to a PostgreSQL that may change.

use std::io;
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use parking_lot::Mutex;

const SOCKET: &str = ".s.PGSQL.5432";

/// A listening socket that leads to PostgreSQL's. Its folder is removed with this value.
pub struct SocketProxy {
    url: String,
    folder: PathBuf,
    target: Arc<ProxyTarget>,
}

/// Where new connections lead, and those that are open.
struct ProxyTarget {
    socket: Mutex<PathBuf>,
    open: Mutex<Vec<UnixStream>>,
}

impl SocketProxy {
    /// Leads to the PostgreSQL of `url`. Runs `forward` (client, server) for each connection, on a thread of its own.
    ///
    /// # Errors
    /// When the URL names no socket, or the proxy cannot listen.
    pub fn open(
        url: &str,
        forward: impl Fn(UnixStream, UnixStream) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let socket = Mutex::new(socket_folder(url)?.join(SOCKET));
        let target = Arc::new(ProxyTarget { socket, open: Mutex::default() });
        let name = format!("hongyan-proxy-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder)?;
        let listener = UnixListener::bind(folder.join(SOCKET))?;
        let (accepted, forward) = (Arc::clone(&target), Arc::new(forward));
        let accept = move || accept(&listener, &accepted, &forward);
        thread::Builder::new().name("proxy".to_owned()).spawn(accept)?;
        let url = url.replacen(host(url)?, &folder.to_string_lossy().replace('/', "%2F"), 1);
        Ok(Self { url, folder, target })
    }

    /// The URL that leads through the proxy.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Leads to the socket in another folder from now on, and closes all connections, as when an address moves.
    pub fn lead_to(&self, folder: &Path) {
        *self.target.socket.lock() = folder.join(SOCKET);
        for connection in std::mem::take(&mut *self.target.open.lock()) {
            // An error means that it is closed already.
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for SocketProxy {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn accept<F>(listener: &UnixListener, target: &ProxyTarget, forward: &Arc<F>)
where
    F: Fn(UnixStream, UnixStream) + Send + Sync + 'static,
{
    for client in listener.incoming().map_while(Result::ok) {
        // While PostgreSQL is down, the client's connection is closed, as by a host whose service is down.
        let to = target.socket.lock().clone();
        let Ok(server) = UnixStream::connect(to) else { continue };
        target.open.lock().extend(client.try_clone());
        let forward = Arc::clone(forward);
        let started = thread::Builder::new().stack_size(256 * 1024).spawn(move || forward(client, server));
        drop(started);
    }
}

/// The `host` of a URL with a socket, percent-encoded.
///
/// # Errors
/// When the URL names none.
pub fn host(url: &str) -> io::Result<&str> {
    let host = url.split("host=").nth(1).and_then(|rest| rest.split('&').next());
    host.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the URL names no socket"))
}

/// The folder of the socket that a URL names.
///
/// # Errors
/// When the URL names none.
pub fn socket_folder(url: &str) -> io::Result<PathBuf> {
    let host = host(url)?;
    let mut parts = host.split('%');
    let mut folder = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (code, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        folder.extend(u8::from_str_radix(code, 16).map(char::from));
        folder.push_str(rest);
    }
    Ok(PathBuf::from(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_of_a_socket_is_read_from_its_url() {
        let url = "postgresql:///chat?host=%2Ftmp%2Fa%2Db_%7e&port=5432";
        assert_eq!(socket_folder(url).unwrap(), Path::new("/tmp/a-b_~"));
        assert!(socket_folder("postgresql://localhost/chat").is_err());
    }
}
