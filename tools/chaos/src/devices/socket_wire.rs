//! The WebSocket protocol (RFC 6455) of a client: unfragmented messages over plain TCP, read with a time limit.
//!
//! A hundred lines of its own, because the harness depends on nothing that could repeat a mistake of the server's library, and because a
//! device must go on exactly where a connection broke off.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde_json::Value;

/// What arrived.
#[derive(Debug, PartialEq)]
pub(super) enum WireEvent {
    Text(Value),
    /// A ping or a pong.
    SignOfLife,
    Close(u16),
    /// The connection is gone.
    End,
}

/// An open WebSocket.
pub(super) struct SocketWire {
    stream: TcpStream,
    unread: Vec<u8>,
}

const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;

/// The code for a close frame without one.
const NO_CODE: u16 = 1005;

impl SocketWire {
    /// How long a handshake may take.
    const HANDSHAKE: Duration = Duration::from_secs(3);

    /// Opens a socket; `Err` says what the server answered instead.
    pub(super) fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let mut stream = TcpStream::connect_timeout(&address, Self::HANDSHAKE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Self::HANDSHAKE))?;
        stream.set_write_timeout(Some(Self::HANDSHAKE))?;
        let head = format!(
            "GET /api/auth/socket HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(head.as_bytes())?;
        let mut wire = Self { stream, unread: Vec::new() };
        loop {
            if let Some(end) = wire.unread.windows(4).position(|four| four == b"\r\n\r\n") {
                let head: Vec<u8> = wire.unread.drain(..end + 4).collect();
                let head = String::from_utf8_lossy(&head);
                ensure!(head.starts_with("HTTP/1.1 101 "), "{}", head.lines().next().unwrap_or_default());
                return Ok(wire);
            }
            ensure!(wire.fill(Self::HANDSHAKE)?, "no answer to the handshake");
        }
    }

    /// The next event; `None` if none came within `patience`. Answers pings.
    pub(super) fn receive(&mut self, patience: Duration) -> anyhow::Result<Option<WireEvent>> {
        loop {
            if let Some((first, payload)) = self.take()? {
                return Ok(Some(match first {
                    TEXT => WireEvent::Text(serde_json::from_slice(&payload).context("a frame is no JSON")?),
                    PING => {
                        // If it cannot be sent, the next read says that the connection is gone.
                        let _ = self.write(PONG, &payload);
                        WireEvent::SignOfLife
                    }
                    PONG => WireEvent::SignOfLife,
                    CLOSE => WireEvent::Close(
                        payload.first_chunk().map_or(NO_CODE, |code| u16::from_be_bytes(*code)),
                    ),
                    other => bail!("a frame begins with {other:#x}"),
                }));
            }
            match self.fill(patience) {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                Err(_) => return Ok(Some(WireEvent::End)),
            }
        }
    }

    pub(super) fn send(&mut self, frame: &Value) -> std::io::Result<()> {
        self.write(TEXT, frame.to_string().as_bytes())
    }

    /// The masked frame that a client sends: one mask of zeros, which changes nothing.
    fn write(&mut self, first: u8, payload: &[u8]) -> std::io::Result<()> {
        let mut bytes = vec![first];
        match u16::try_from(payload.len()).unwrap_or(u16::MAX) {
            length @ 0..126 => bytes.push(0x80 | u8::try_from(length).unwrap_or_default()),
            length => {
                bytes.push(0x80 | 0x7e);
                bytes.extend(length.to_be_bytes());
            }
        }
        bytes.extend([0; 4]);
        bytes.extend(payload);
        self.stream.write_all(&bytes)
    }

    /// Reads more. False if nothing came in time.
    fn fill(&mut self, patience: Duration) -> std::io::Result<bool> {
        self.stream.set_read_timeout(Some(patience))?;
        let mut bytes = [0; 16 * 1024];
        match self.stream.read(&mut bytes) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(length) => {
                self.unread.extend(bytes.iter().take(length));
                Ok(true)
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The next whole frame: its first byte and its payload.
    fn take(&mut self) -> anyhow::Result<Option<(u8, Vec<u8>)>> {
        let Some(([first, second], rest)) = self.unread.split_first_chunk() else { return Ok(None) };
        ensure!(second & 0x80 == 0, "a server masks nothing");
        let (head, length) = match second {
            126 => (4, rest.first_chunk().map(|bytes| u64::from(u16::from_be_bytes(*bytes)))),
            127 => (10, rest.first_chunk().map(|bytes| u64::from_be_bytes(*bytes))),
            length => (2, Some(u64::from(*length))),
        };
        let Some(length) = length else { return Ok(None) };
        let (first, end) = (*first, head + usize::try_from(length)?);
        if self.unread.len() < end {
            return Ok(None);
        }
        let frame: Vec<u8> = self.unread.drain(..end).collect();
        Ok(Some((first, frame.get(head..).unwrap_or_default().to_vec())))
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// A socket to a server that has upgraded and then sends these bytes.
    fn wire(bytes: &'static [u8]) -> SocketWire {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n").unwrap();
            stream.write_all(bytes).unwrap();
            let _ = stream.read(&mut [0; 1000]);
            // The client asks once more.
            std::thread::sleep(Duration::from_millis(200));
        });
        SocketWire::open(address).unwrap()
    }

    #[test]
    fn frames_are_read_whole_however_they_arrive() {
        let mut wire = wire(b"\x81\x02{}\x89\x00\x81\x7e\x00\x03[1]\x88\x02\x03\xf4\x81");
        let patience = Duration::from_millis(50);
        let next = |wire: &mut SocketWire| wire.receive(patience).unwrap();
        assert_eq!(next(&mut wire), Some(WireEvent::Text(serde_json::json!({}))));
        assert_eq!(next(&mut wire), Some(WireEvent::SignOfLife));
        assert_eq!(next(&mut wire), Some(WireEvent::Text(serde_json::json!([1]))));
        assert_eq!(next(&mut wire), Some(WireEvent::Close(1012)));
        assert_eq!(next(&mut wire), None, "half a frame");
    }
}
