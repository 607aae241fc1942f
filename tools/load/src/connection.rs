//! Connections that are kept, each with one request at a time.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::tally::{Ending, Tally};

/// A request, and when it was due.
type Job = (Vec<u8>, Instant);

/// The connections there are, and what waits for one.
pub(crate) struct Connections(Rc<Shared>);

struct Shared {
    address: SocketAddr,
    /// The one that became free last comes first.
    idle: RefCell<Vec<UnboundedSender<Job>>>,
    /// Only where no connection is free.
    backlog: RefCell<VecDeque<Job>>,
    tally: Rc<RefCell<Tally>>,
}

impl Connections {
    /// Makes so many connections, one after the other, and has each answered once, as those of people who are there already.
    pub(crate) async fn open(
        address: SocketAddr,
        count: usize,
        tally: Rc<RefCell<Tally>>,
    ) -> anyhow::Result<Self> {
        let (idle, backlog) = (RefCell::default(), RefCell::default());
        let shared = Rc::new(Shared { address, idle, backlog, tally });
        let mut answer = Vec::new();
        for _ in 0..count {
            let mut stream = None;
            let greeted =
                ask(address, &mut stream, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", &mut answer).await;
            anyhow::ensure!(greeted == (Ending::Done, true), "the server does not take {count} connections");
            let (sender, receiver) = unbounded_channel();
            shared.idle.borrow_mut().push(sender.clone());
            tokio::task::spawn_local(live(Rc::clone(&shared), stream, (sender, receiver)));
        }
        Ok(Self(shared))
    }

    /// Sends on a connection that waits for nothing, or as soon as there is one.
    pub(crate) fn send(&self, request: Vec<u8>, due: Instant) {
        let job = (request, due);
        let idle = self.0.idle.borrow_mut().pop();
        let left = match idle {
            Some(idle) => idle.send(job).err().map(|back| back.0),
            None => Some(job),
        };
        self.0.backlog.borrow_mut().extend(left);
    }
}

/// Serves jobs on a connection, and makes another when that one ends.
async fn live(
    shared: Rc<Shared>,
    mut stream: Option<TcpStream>,
    (sender, mut jobs): (UnboundedSender<Job>, UnboundedReceiver<Job>),
) {
    let mut answer = Vec::with_capacity(2048);
    while let Some(job) = jobs.recv().await {
        let mut job = Some(job);
        while let Some((request, due)) = job {
            let sent = Instant::now();
            let (ending, kept) = ask(shared.address, &mut stream, &request, &mut answer).await;
            if !kept {
                stream = None;
            }
            shared.tally.borrow_mut().ended(ending, due, sent);
            job = shared.backlog.borrow_mut().pop_front();
        }
        shared.idle.borrow_mut().push(sender.clone());
    }
}

/// Sends one request and reads its answer. Also says whether the connection can be used again.
async fn ask(
    address: SocketAddr,
    stream: &mut Option<TcpStream>,
    request: &[u8],
    answer: &mut Vec<u8>,
) -> (Ending, bool) {
    if stream.is_none() {
        let Ok(made) = TcpStream::connect(address).await else { return (Ending::Failed, false) };
        let _ = made.set_nodelay(true);
        *stream = Some(made);
    }
    let Some(stream) = stream else { return (Ending::Failed, false) };
    if stream.write_all(request).await.is_err() {
        return (Ending::Failed, false);
    }
    answer.clear();
    loop {
        match stream.read_buf(answer).await {
            Ok(0) | Err(_) => return (Ending::Failed, false),
            Ok(_) => {}
        }
        if let Some(read) = read(answer) {
            return read;
        }
    }
}

/// What a whole answer says, and whether the connection is kept; none while it is not whole.
fn read(answer: &[u8]) -> Option<(Ending, bool)> {
    let text = std::str::from_utf8(answer).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let head = head.to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"))?;
    if body.len() < length.trim().parse().ok()? {
        return None;
    }
    let ending = match head.get(9..12) {
        Some("200") => Ending::Done,
        Some("429" | "503") => Ending::Refused,
        _ => Ending::Failed,
    };
    Some((ending, !head.contains("\nconnection: close")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_when_it_is_whole() {
        let whole = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n雁";
        assert_eq!(read(whole.as_bytes()), Some((Ending::Done, true)));
        for length in 0..whole.len() {
            assert_eq!(read(&whole.as_bytes()[..length]), None, "{length}");
        }
    }

    #[test]
    fn answers_are_told_apart() {
        for (status, expected) in [
            ("200", Ending::Done),
            ("429", Ending::Refused),
            ("503", Ending::Refused),
            ("500", Ending::Failed),
        ] {
            let answer = format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
            assert_eq!(read(answer.as_bytes()), Some((expected, false)));
        }
    }
}
