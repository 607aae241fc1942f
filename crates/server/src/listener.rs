//! The listening socket, and how it is closed without losing anybody.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use anyhow::Context;
use socket2::{Domain, Protocol, Socket, Type};

/// The socket that new connections come in by.
///
/// A listening socket that is simply closed resets the connections that are made already and not yet accepted: their requests
/// may be sent, and a proxy cannot tell whether they were carried out. So the newcomers are kept outside first, then those
/// in between are let in, and only then it is closed. Newcomers try again by themselves, and then find it closed, which is the
/// one thing that a proxy without health checks understands.
#[derive(Debug)]
pub(crate) struct Entrance(Socket);

impl Entrance {
    /// Connections that the system makes ahead of their being accepted.
    const BACKLOG: i32 = 1024;
    /// Longer than a handshake that has begun takes to end, and to be accepted.
    const IN_BETWEEN: Duration = Duration::from_millis(50);
    /// Longer than actix takes to look away from the socket, once told to.
    const LOOKS_AWAY: Duration = Duration::from_millis(5);

    /// Listens at the address, which the setting of that name gives, and returns what accepts, too.
    pub(crate) fn open(setting: &str, bind: SocketAddr) -> anyhow::Result<(TcpListener, Self)> {
        Self::listen(bind).with_context(|| format!("{setting}: cannot listen on {bind}"))
    }

    fn listen(bind: SocketAddr) -> io::Result<(TcpListener, Self)> {
        let socket = Socket::new(Domain::for_address(bind), Type::STREAM, Some(Protocol::TCP))?;
        // A server that is started again finds its address free.
        socket.set_reuse_address(true)?;
        socket.bind(&bind.into())?;
        socket.listen(Self::BACKLOG)?;
        Ok((socket.try_clone()?.into(), Self(socket)))
    }

    /// Lets nobody else in. Who is in already is served on.
    pub(crate) async fn close(&self, server: &ServerHandle) {
        match keep_newcomers_outside(&self.0) {
            Ok(()) => tokio::time::sleep(Self::IN_BETWEEN).await,
            Err(error) => tracing::warn!(%error, "connections that are just being made may be reset"),
        }
        server.pause().await;
        tokio::time::sleep(Self::LOOKS_AWAY).await;
        // Where the system knows no such thing of a listening socket, actix closes it at the end.
        if let Err(error) = self.0.shutdown(Shutdown::Read) {
            tracing::debug!(%error, "the listening socket is closed later");
        }
    }
}

/// Has the system pass over the first packets of new connections, and nothing else: those that are being made are finished.
#[cfg(target_os = "linux")]
fn keep_newcomers_outside(socket: &Socket) -> io::Result<()> {
    use socket2::SockFilter;
    // Classic BPF; a filter of a TCP socket sees packets from the TCP header on.
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
fn keep_newcomers_outside(_socket: &Socket) -> io::Result<()> {
    Ok(())
}
