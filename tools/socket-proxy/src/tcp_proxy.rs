//! Fault injection on TCP: a proxy between clients and a server whose connections can be reset, fall silent or stall.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use socket2::SockRef;

/// What happens to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkFault {
    /// Both sides get a reset.
    Reset,
    /// Nothing arrives any more and no side learns of it, as after a pulled cable.
    Silence,
    /// The client does not read for a while.
    Stall(Duration),
}

/// A listening address that leads to a server.
pub struct TcpProxy {
    address: SocketAddr,
    links: Arc<Mutex<Vec<Arc<Link>>>>,
}

/// A connection through the proxy.
struct Link {
    client: TcpStream,
    server: TcpStream,
    is_reset: AtomicBool,
    is_silent: AtomicBool,
    stalls_until: Mutex<Option<Instant>>,
}

/// How soon a connection notices its fault.
const LOOK: Duration = Duration::from_millis(50);

impl TcpProxy {
    /// Leads each new connection to where `target` says; where there is none, the connection is closed.
    ///
    /// # Errors
    /// When the proxy cannot listen.
    pub fn open(target: impl Fn() -> Option<SocketAddr> + Send + 'static) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let links: Arc<Mutex<Vec<Arc<Link>>>> = Arc::default();
        let accepted = Arc::clone(&links);
        let accept = move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Some(server) = target().and_then(|to| TcpStream::connect(to).ok()) else { continue };
                // Without a second thread the connection is closed, as by a machine without memory.
                let _ = Link::begin(client, server, &accepted);
            }
        };
        thread::Builder::new().name("tcp-proxy".to_owned()).spawn(accept)?;
        Ok(Self { address, links })
    }

    /// Where clients connect to.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets a fault happen to one of the healthy connections, chosen by `number`. False if there is none.
    #[must_use]
    pub fn strike(&self, fault: LinkFault, number: u64) -> bool {
        let links = self.links.lock();
        let healthy: Vec<&Arc<Link>> = links.iter().filter(|link| link.is_healthy()).collect();
        let count = u64::try_from(healthy.len()).unwrap_or_default().max(1);
        let chosen = usize::try_from(number % count).ok().and_then(|place| healthy.get(place));
        chosen.map(|link| link.suffer(fault)).is_some()
    }
}

impl Link {
    fn begin(client: TcpStream, server: TcpStream, links: &Arc<Mutex<Vec<Arc<Self>>>>) -> io::Result<()> {
        for stream in [&client, &server] {
            stream.set_read_timeout(Some(LOOK))?;
            stream.set_nodelay(true)?;
        }
        let (is_reset, is_silent, stalls_until) = Default::default();
        let link = Arc::new(Self { client, server, is_reset, is_silent, stalls_until });
        let (up, links) = (Arc::clone(&link), Arc::clone(links));
        links.lock().push(Arc::clone(&link));
        let pump = || thread::Builder::new().stack_size(256 * 1024);
        let back = pump().spawn(move || up.pump(&up.client, &up.server))?;
        pump().spawn(move || {
            link.pump(&link.server, &link.client);
            let _ = back.join();
            links.lock().retain(|other| !Arc::ptr_eq(other, &link));
        })?;
        Ok(())
    }

    fn is_healthy(&self) -> bool {
        !self.is_reset.load(Ordering::Relaxed)
            && !self.is_silent.load(Ordering::Relaxed)
            && self.stalls_until.lock().is_none()
    }

    fn suffer(&self, fault: LinkFault) {
        match fault {
            LinkFault::Reset => {
                for stream in [&self.client, &self.server] {
                    // The last close then sends a reset instead of an orderly end.
                    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
                }
                self.is_reset.store(true, Ordering::Relaxed);
            }
            LinkFault::Silence => self.is_silent.store(true, Ordering::Relaxed),
            LinkFault::Stall(time) => *self.stalls_until.lock() = Some(Instant::now() + time),
        }
    }

    /// Forwards what one side sends until a side ends or the connection is reset.
    fn pump(&self, mut from: &TcpStream, mut to: &TcpStream) {
        let mut buffer = vec![0; 16 * 1024];
        while !self.is_reset.load(Ordering::Relaxed) {
            let length = from.read(&mut buffer);
            while self.is_stalled() {
                thread::sleep(LOOK);
            }
            match length {
                Ok(0) => break,
                Ok(_) if self.is_silent.load(Ordering::Relaxed) => {}
                Ok(length) => {
                    if to.write_all(buffer.get(..length).unwrap_or_default()).is_err() {
                        break;
                    }
                }
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(_) => break,
            }
        }
        // The end of a silent connection does not arrive either.
        if !self.is_silent.load(Ordering::Relaxed) && !self.is_reset.load(Ordering::Relaxed) {
            let _ = to.shutdown(Shutdown::Both);
            let _ = from.shutdown(Shutdown::Both);
        }
    }

    fn is_stalled(&self) -> bool {
        let mut until = self.stalls_until.lock();
        let is_stalled = until.is_some_and(|until| Instant::now() < until);
        if !is_stalled {
            *until = None;
        }
        is_stalled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A proxy before a server that repeats what it reads, and a connection through it.
    fn echo() -> (TcpProxy, TcpStream) {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let to = server.local_addr().unwrap();
        thread::spawn(move || {
            let (mut stream, _) = server.accept().unwrap();
            let _ = io::copy(&mut stream.try_clone().unwrap(), &mut stream);
        });
        let proxy = TcpProxy::open(move || Some(to)).unwrap();
        let mut client = TcpStream::connect(proxy.address()).unwrap();
        client.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        assert_eq!(exchange(&mut client), Ok(()));
        (proxy, client)
    }

    fn exchange(client: &mut TcpStream) -> Result<(), ErrorKind> {
        client.write_all(b"goose").map_err(|error| error.kind())?;
        client.read_exact(&mut [0; 5]).map_err(|error| error.kind())
    }

    #[test]
    fn a_connection_is_reset() {
        let (proxy, mut client) = echo();
        assert!(proxy.strike(LinkFault::Reset, 7));
        assert_eq!(client.read(&mut [0; 1]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    }

    #[test]
    fn a_silent_connection_stays_open_and_is_struck_once() {
        let (proxy, mut client) = echo();
        assert!(proxy.strike(LinkFault::Silence, 0));
        assert_eq!(exchange(&mut client), Err(ErrorKind::WouldBlock));
        assert!(!proxy.strike(LinkFault::Reset, 0));
    }

    #[test]
    fn a_stalled_connection_goes_on_later() {
        let (proxy, mut client) = echo();
        assert!(proxy.strike(LinkFault::Stall(Duration::from_millis(700)), 0));
        assert_eq!(exchange(&mut client), Err(ErrorKind::WouldBlock));
        client.set_read_timeout(None).unwrap();
        client.read_exact(&mut [0; 5]).unwrap();
    }
}
