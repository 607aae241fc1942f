//! A WebSocket client that sends whatever a test wants, and reads frame by frame.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Who opens a socket, and where.
pub(crate) trait SocketUser {
    fn address(&self) -> SocketAddr;
    fn id(&self) -> &str;
    fn token(&self) -> &str;
}

/// What the server sent.
#[derive(Debug, PartialEq)]
pub(crate) enum Received {
    Text(Value),
    Ping,
    Pong,
    Close(u16),
    /// The end of the connection.
    End,
}

/// The answer to a handshake that was refused.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Value,
}

/// A socket.
pub(crate) struct Socket {
    stream: BufReader<TcpStream>,
    pub(crate) head: String,
}

/// How long a test waits for a frame. Ticks and pings come meanwhile.
const PATIENCE: Duration = Duration::from_secs(60);

const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// Compares a frame with the document of the socket.
fn assert_documented(frame: &Value) {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    let text = include_str!("../../../../api/src/realtime/asyncapi.json");
    let document = DOCUMENT.get_or_init(|| serde_json::from_str(text).unwrap());
    let payload = &document["components"]["messages"][frame["type"].as_str().unwrap()]["payload"];
    let properties = payload["properties"].as_object().unwrap_or_else(|| panic!("undocumented: {frame}"));
    let members = frame.as_object().unwrap();
    assert!(members.keys().all(|name| properties.contains_key(name)), "{frame}");
    let required = payload["required"].as_array().unwrap();
    assert!(required.iter().all(|name| members.contains_key(name.as_str().unwrap())), "{frame}");
}

impl Socket {
    /// Sends a handshake with these header lines.
    pub(crate) fn open(address: SocketAddr, path: &str, lines: &str) -> Result<Self, Refused> {
        Self::ask(address, path, &format!("{UPGRADE}{lines}"))
    }

    /// Sends any request head.
    pub(crate) fn ask(address: SocketAddr, path: &str, lines: &str) -> Result<Self, Refused> {
        Self::request(TcpStream::connect(address).unwrap(), address, path, lines)
    }

    /// Sends a handshake over a connection to the server.
    pub(crate) fn over(
        stream: TcpStream,
        address: SocketAddr,
        path: &str,
        lines: &str,
    ) -> Result<Self, Refused> {
        Self::request(stream, address, path, &format!("{UPGRADE}{lines}"))
    }

    fn request(mut stream: TcpStream, address: SocketAddr, path: &str, lines: &str) -> Result<Self, Refused> {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\n{lines}\r\n").unwrap();
        let (mut stream, mut head) = (BufReader::new(stream), String::new());
        while !head.ends_with("\r\n\r\n") {
            assert!(stream.read_line(&mut head).unwrap() > 0, "the server closed: {head}");
        }
        let status: u16 = head[9..12].parse().unwrap();
        if status == 101 {
            return Ok(Self { stream, head });
        }
        let lower = head.to_lowercase();
        let length = lower.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        stream.read_exact(&mut body).unwrap();
        Err(Refused { status, head: lower, body: serde_json::from_slice(&body).unwrap_or_default() })
    }

    /// A socket that has greeted and is not authenticated.
    pub(crate) fn greeted(address: SocketAddr) -> Self {
        let mut socket = Self::open(address, "/api/auth/socket", "").unwrap();
        assert_eq!(socket.text()["type"], "hello");
        socket
    }

    /// A live socket of a person, opened with this cursor.
    pub(crate) fn live(person: &impl SocketUser, cursor: Option<&str>) -> Self {
        let mut socket = Self::greeted(person.address());
        socket.authenticate(person, cursor);
        while socket.text()["type"] != "live" {}
        socket
    }

    /// Authenticates, and reads `ready`.
    pub(crate) fn authenticate(&mut self, person: &impl SocketUser, cursor: Option<&str>) -> Value {
        self.send(&json!({"type": "authenticate", "token": person.token(), "cursor": cursor}));
        let ready = self.text();
        assert_eq!((&ready["type"], &ready["user_id"]), (&json!("ready"), &json!(person.id())));
        ready
    }

    pub(crate) fn send(&mut self, frame: &Value) {
        self.send_raw(0x81, frame.to_string().as_bytes());
    }

    /// Sends a message with this first byte: the opcode, and whether it is the last fragment.
    pub(crate) fn send_raw(&mut self, first: u8, payload: &[u8]) {
        let mut bytes = vec![first];
        match u16::try_from(payload.len()) {
            Ok(length @ 0..126) => bytes.push(0x80 | u8::try_from(length).unwrap()),
            Ok(length) => {
                bytes.push(0x80 | 0x7e);
                bytes.extend(length.to_be_bytes());
            }
            Err(_) => {
                bytes.push(0x80 | 0x7f);
                bytes.extend((payload.len() as u64).to_be_bytes());
            }
        }
        // A mask of zeros changes nothing.
        bytes.extend([0; 4]);
        bytes.extend(payload);
        let _ = self.stream.get_mut().write_all(&bytes);
    }

    /// The next message.
    pub(crate) fn next(&mut self) -> Received {
        let mut head = [0; 2];
        if self.stream.read_exact(&mut head).is_err() {
            return Received::End;
        }
        assert_eq!(head[1] & 0x80, 0, "a server masks nothing");
        let length = match head[1] {
            126 => u64::from(u16::from_be_bytes(self.bytes())),
            127 => u64::from_be_bytes(self.bytes()),
            length => u64::from(length),
        };
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        self.stream.read_exact(&mut payload).unwrap();
        match head[0] {
            0x81 => {
                let frame = serde_json::from_slice(&payload).unwrap();
                assert_documented(&frame);
                Received::Text(frame)
            }
            0x89 => Received::Ping,
            0x8a => Received::Pong,
            0x88 => Received::Close(payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code))),
            other => panic!("opcode {other:x}"),
        }
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.stream.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// The next frame that is no tick. Answers pings.
    pub(crate) fn text(&mut self) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < deadline, "no frame comes");
            match self.next() {
                Received::Text(frame) if frame["type"] == "tick" => {}
                Received::Text(frame) => return frame,
                Received::Ping => self.send_raw(0x8a, b""),
                other => panic!("{other:?} instead of a frame"),
            }
        }
    }

    /// The next frame of this type; those before it are let pass.
    pub(crate) fn until(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.text();
            if frame["type"] == kind {
                return frame;
            }
        }
    }

    /// The next tick.
    pub(crate) fn tick(&mut self) -> Value {
        loop {
            match self.next() {
                Received::Text(frame) if frame["type"] == "tick" => return frame,
                Received::Ping => self.send_raw(0x8a, b""),
                Received::Text(_) => {}
                other => panic!("{other:?} instead of a tick"),
            }
        }
    }

    /// Reads to the close frame: its code, and the frames before it.
    pub(crate) fn close(mut self) -> (u16, Vec<Value>) {
        let mut frames = Vec::new();
        loop {
            match self.next() {
                Received::Text(frame) => frames.push(frame),
                Received::Close(code) => return (code, frames),
                Received::End => panic!("the connection ended without a close frame: {frames:?}"),
                Received::Ping | Received::Pong => {}
            }
        }
    }

    pub(crate) fn close_code(self) -> u16 {
        self.close().0
    }
}
