//! The listening socket, and how it closes without resetting a connection.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use anyhow::Context;
use socket2::{Domain, Protocol, Socket, Type};

#[cfg(target_os = "linux")]
use crate::connection::UnreadLimits;

/// A listening socket that closes gracefully.
///
/// Closing a listening socket resets the connections that are established but not accepted yet. Their requests may have been
/// sent, and a proxy cannot tell whether they were executed. Therefore new connections are held off first, then the
/// established ones are accepted, and only then the socket is closed. A held-off client retransmits its SYN by itself and
/// then finds the port closed, which even a proxy without health checks understands.
#[derive(Debug)]
pub(crate) struct Listener(Socket);

impl Listener {
    /// Connections that the kernel establishes ahead of `accept`.
    const BACKLOG: i32 = 1024;
    /// How long a client may take nothing; as `UnreadLimits::patience`.
    #[cfg(target_os = "linux")]
    const UNREAD_TIMEOUT: Duration = UnreadLimits::SERVER.patience;
    /// Longer than a handshake that has begun takes to complete and be accepted.
    const HANDSHAKE_GRACE: Duration = Duration::from_millis(50);
    /// Longer than actix takes to stop polling the socket after `pause`.
    const PAUSE_GRACE: Duration = Duration::from_millis(5);

    /// Listens on the address, and returns the accepting half too. `setting` names the address's setting in errors.
    pub(crate) fn bind(setting: &str, address: SocketAddr) -> anyhow::Result<(TcpListener, Self)> {
        Self::listen(address).with_context(|| format!("{setting}: cannot listen on {address}"))
    }

    fn listen(address: SocketAddr) -> io::Result<(TcpListener, Self)> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        // A restarted server can bind its address at once.
        socket.set_reuse_address(true)?;
        // Accepted connections inherit it: bytes that the client does not acknowledge, or has no room for, for that long end the
        // connection, also where the kernel holds them all.
        #[cfg(target_os = "linux")]
        socket.set_tcp_user_timeout(Some(Self::UNREAD_TIMEOUT))?;
        socket.bind(&address.into())?;
        socket.listen(Self::BACKLOG)?;
        Ok((socket.try_clone()?.into(), Self(socket)))
    }

    /// Accepts no further connection. Accepted connections are served as before.
    pub(crate) async fn close(&self, server: &ServerHandle) {
        match drop_new_connections(&self.0) {
            Ok(()) => tokio::time::sleep(Self::HANDSHAKE_GRACE).await,
            Err(error) => tracing::warn!(%error, "connections in the handshake may be reset"),
        }
        server.pause().await;
        tokio::time::sleep(Self::PAUSE_GRACE).await;
        // Not every system can shut a listening socket down; there actix closes it at the end.
        if let Err(error) = self.0.shutdown(Shutdown::Read) {
            tracing::debug!(%error, "listening socket closes later");
        }
    }
}

/// Has the kernel drop the SYN packets of new connections. Handshakes that have begun are completed.
#[cfg(target_os = "linux")]
fn drop_new_connections(socket: &Socket) -> io::Result<()> {
    use socket2::SockFilter;
    // Classic BPF; the filter of a TCP socket sees packets from the TCP header on.
    const LOAD_BYTE: u16 = 0x30;
    const JUMP_IF_ANY_BIT: u16 = 0x45;
    const RETURN: u16 = 0x06;
    const FLAGS: u32 = 13;
    const SYN: u32 = 0x02;
    const NOTHING: u32 = 0;
    const EVERYTHING: u32 = u32::MAX;
    socket.attach_filter(&[
        SockFilter::new(LOAD_BYTE, 0, 0, FLAGS),
        SockFilter::new(JUMP_IF_ANY_BIT, 0, 1, SYN),
        SockFilter::new(RETURN, 0, 0, NOTHING),
        SockFilter::new(RETURN, 0, 0, EVERYTHING),
    ])
}

#[cfg(not(target_os = "linux"))]
fn drop_new_connections(_socket: &Socket) -> io::Result<()> {
    Ok(())
}
