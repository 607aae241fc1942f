//! A detour that listens: what the database is asked on it, and what it says beside its answers.
//!
//! It reads PostgreSQL's protocol as the manual's chapter "Message Formats" gives it: a byte that names the message, four
//! of its length, and its body; only the first message of a connection has no name.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::detour::Detour;

/// What a connection asked. Each of these is a round trip: the client waits for its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asked {
    /// To parse a statement under a name.
    Prepare(String),
    /// To run a statement that was parsed before.
    Run(String),
    /// To parse and run a text at once.
    Plain(String),
}

/// Everything that was heard since the last look.
#[derive(Debug, Default)]
struct Heard {
    /// In their order, each with its connection's number.
    asked: Vec<(usize, Asked)>,
    notices: Vec<String>,
}

/// A way to the database on which all is heard.
pub(crate) struct Wire {
    way: Detour,
    heard: Arc<Mutex<Heard>>,
}

impl Wire {
    pub(crate) fn tap(url: &str) -> Self {
        let heard = Arc::new(Mutex::new(Heard::default()));
        let (shared, connections) = (Arc::clone(&heard), AtomicUsize::new(0));
        let way = Detour::open(url, move |client, server| {
            let number = connections.fetch_add(1, Ordering::Relaxed);
            let (back, notices) = ((server.try_clone(), client.try_clone()), Arc::clone(&shared));
            let listener =
                thread::spawn(move || listen_to_server(back.0.unwrap(), back.1.unwrap(), &notices));
            listen_to_client(client, server, number, &shared);
            listener.join().unwrap();
        });
        Self { way, heard }
    }

    pub(crate) fn url(&self) -> &str {
        self.way.url()
    }

    /// What was asked since the last look, each with its connection's number.
    pub(crate) fn asked(&self) -> Vec<(usize, Asked)> {
        std::mem::take(&mut self.heard.lock().unwrap().asked)
    }

    /// What the server has said beside its answers since the last look.
    pub(crate) fn notices(&self) -> Vec<String> {
        std::mem::take(&mut self.heard.lock().unwrap().notices)
    }
}

/// The next message with its name, or none at the end; `named` is false for a connection's first.
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

fn pass_on(to: &mut UnixStream, named: bool, name: u8, body: &[u8]) -> bool {
    let mut bytes = if named { vec![name] } else { Vec::new() };
    bytes.extend(u32::try_from(body.len() + 4).unwrap().to_be_bytes());
    bytes.extend(body);
    to.write_all(&bytes).is_ok()
}

/// The texts that a message begins with, each ended by a zero byte.
fn texts(body: &[u8]) -> impl Iterator<Item = String> + '_ {
    body.split(|byte| *byte == 0).map(|text| String::from_utf8_lossy(text).into_owned())
}

fn listen_to_client(mut client: UnixStream, mut server: UnixStream, number: usize, heard: &Mutex<Heard>) {
    let (mut named, mut prepared) = (false, HashMap::new());
    while let Some((name, body)) = message(&mut client, named) {
        let asked = match name {
            b'P' => {
                let mut texts = texts(&body);
                let (statement, sql) = (texts.next().unwrap(), texts.next().unwrap());
                prepared.insert(statement, sql.clone());
                Some(Asked::Prepare(sql))
            }
            b'B' => prepared.get(&texts(&body).nth(1).unwrap()).cloned().map(Asked::Run),
            b'Q' => texts(&body).next().map(Asked::Plain),
            _ => None,
        };
        heard.lock().unwrap().asked.extend(asked.map(|asked| (number, asked)));
        if !pass_on(&mut server, named, name, &body) {
            break;
        }
        named = true;
    }
    let _ = server.shutdown(std::net::Shutdown::Both);
}

fn listen_to_server(mut server: UnixStream, mut client: UnixStream, heard: &Mutex<Heard>) {
    while let Some((name, body)) = message(&mut server, true) {
        if name == b'N' {
            // Its fields are a letter and a text each; `M` is the message.
            let said = body.split(|byte| *byte == 0).find(|field| field.first() == Some(&b'M'));
            let said = said.map(|field| String::from_utf8_lossy(&field[1..]).into_owned());
            heard.lock().unwrap().notices.extend(said);
        }
        if !pass_on(&mut client, true, name, &body) {
            break;
        }
    }
    let _ = client.shutdown(std::net::Shutdown::Both);
}
