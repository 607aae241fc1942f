//! A wire tap on the database connection: records the client's messages and the server's notices.
//!
//! It parses PostgreSQL's protocol (manual, "Message Formats"): a byte for the type, four for the length, and the body. Only
//! the first message of a connection has no type byte.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use socket_proxy::SocketProxy;

/// A client message that is a round trip, because the client waits for the response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ClientMessage {
    /// Parses a named statement.
    Prepare(String),
    /// Executes a prepared statement.
    Run(String),
    /// Parses and executes a text.
    Plain(String),
}

/// Everything recorded since the last call.
#[derive(Debug, Default)]
struct Recording {
    /// In order, with the connection's number.
    asked: Vec<(usize, ClientMessage)>,
    notices: Vec<String>,
}

/// A recording proxy to the database.
pub(crate) struct WireTap {
    proxy: SocketProxy,
    recording: Arc<Mutex<Recording>>,
}

impl WireTap {
    pub(crate) fn tap(url: &str) -> Self {
        let recording = Arc::new(Mutex::new(Recording::default()));
        let (shared, connections) = (Arc::clone(&recording), AtomicUsize::new(0));
        let proxy = SocketProxy::open(url, move |client, server| {
            let number = connections.fetch_add(1, Ordering::Relaxed);
            let (back, notices) = ((server.try_clone(), client.try_clone()), Arc::clone(&shared));
            let listener = thread::spawn(move || record_server(back.0.unwrap(), back.1.unwrap(), &notices));
            record_client(client, server, number, &shared);
            listener.join().unwrap();
        });
        let proxy = proxy.unwrap();
        Self { proxy, recording }
    }

    pub(crate) fn url(&self) -> &str {
        self.proxy.url()
    }

    /// The messages since the last call, with their connection's number.
    pub(crate) fn client_messages(&self) -> Vec<(usize, ClientMessage)> {
        std::mem::take(&mut self.recording.lock().unwrap().asked)
    }

    /// The server's notices since the last call.
    pub(crate) fn notices(&self) -> Vec<String> {
        std::mem::take(&mut self.recording.lock().unwrap().notices)
    }
}

/// The next message with its type, or `None` at the end; `named` is false for the first message of a connection.
fn message(from: &mut UnixStream, named: bool) -> Option<(u8, Vec<u8>)> {
    let mut name = [0];
    if named {
        from.read_exact(&mut name).ok()?;
    }
    let mut length = [0; 4];
    from.read_exact(&mut length).ok()?;
    let mut body = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap() - 4];
    from.read_exact(&mut body).ok()?;
    Some((name[0], body))
}

fn forward_message(to: &mut UnixStream, named: bool, name: u8, body: &[u8]) -> bool {
    let mut bytes = if named { vec![name] } else { Vec::new() };
    bytes.extend(u32::try_from(body.len() + 4).unwrap().to_be_bytes());
    bytes.extend(body);
    to.write_all(&bytes).is_ok()
}

/// The zero-terminated strings at the beginning of a body.
fn strings(body: &[u8]) -> impl Iterator<Item = String> + '_ {
    body.split(|byte| *byte == 0).map(|text| String::from_utf8_lossy(text).into_owned())
}

fn record_client(
    mut client: UnixStream,
    mut server: UnixStream,
    number: usize,
    recording: &Mutex<Recording>,
) {
    let (mut named, mut prepared) = (false, HashMap::new());
    while let Some((name, body)) = message(&mut client, named) {
        let asked = match name {
            b'P' => {
                let mut texts = strings(&body);
                let (statement, sql) = (texts.next().unwrap(), texts.next().unwrap());
                prepared.insert(statement, sql.clone());
                Some(ClientMessage::Prepare(sql))
            }
            b'B' => prepared.get(&strings(&body).nth(1).unwrap()).cloned().map(ClientMessage::Run),
            b'Q' => strings(&body).next().map(ClientMessage::Plain),
            _ => None,
        };
        recording.lock().unwrap().asked.extend(asked.map(|asked| (number, asked)));
        if !forward_message(&mut server, named, name, &body) {
            break;
        }
        named = true;
    }
    let _ = server.shutdown(std::net::Shutdown::Both);
}

fn record_server(mut server: UnixStream, mut client: UnixStream, recording: &Mutex<Recording>) {
    while let Some((name, body)) = message(&mut server, true) {
        if name == b'N' {
            // The fields are a letter and a text each; `M` is the message text.
            let notice = body.split(|byte| *byte == 0).find(|field| field.first() == Some(&b'M'));
            let notice = notice.map(|field| String::from_utf8_lossy(&field[1..]).into_owned());
            recording.lock().unwrap().notices.extend(notice);
        }
        if !forward_message(&mut client, true, name, &body) {
            break;
        }
    }
    let _ = client.shutdown(std::net::Shutdown::Both);
}
