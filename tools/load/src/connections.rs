//! A fixed number of keep-alive connections, each with one request at a time.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::stats::{LoadStats, RequestResult};

/// A request and the time at which it is due.
type ScheduledRequest = (Vec<u8>, Instant);

/// A pool of open connections.
pub(crate) struct LoadConnections(Rc<ConnectionPool>);

struct ConnectionPool {
    address: SocketAddr,
    /// Used as a stack: the latest connection to become idle is used first.
    idle: RefCell<Vec<UnboundedSender<ScheduledRequest>>>,
    /// Requests that wait for a connection; empty while one is idle.
    backlog: RefCell<VecDeque<ScheduledRequest>>,
    stats: Rc<RefCell<LoadStats>>,
}

impl LoadConnections {
    /// Opens `count` connections one by one and makes one request on each.
    pub(crate) async fn open(
        address: SocketAddr,
        count: usize,
        stats: Rc<RefCell<LoadStats>>,
    ) -> anyhow::Result<Self> {
        let (idle, backlog) = (RefCell::default(), RefCell::default());
        let shared = Rc::new(ConnectionPool { address, idle, backlog, stats });
        let mut response = Vec::new();
        for _ in 0..count {
            let mut stream = None;
            let response_ok =
                exchange(address, &mut stream, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", &mut response)
                    .await;
            anyhow::ensure!(
                response_ok == (RequestResult::Succeeded, true),
                "the server does not accept {count} connections"
            );
            let (sender, receiver) = unbounded_channel();
            shared.idle.borrow_mut().push(sender.clone());
            tokio::task::spawn_local(run_connection(
                Rc::clone(&shared),
                stream,
                JobChannel { sender, receiver },
            ));
        }
        Ok(Self(shared))
    }

    /// Sends on an idle connection, or as soon as one becomes idle.
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

/// Both ends of a connection's queue: the sender is lent out while the connection is idle.
struct JobChannel {
    sender: UnboundedSender<ScheduledRequest>,
    receiver: UnboundedReceiver<ScheduledRequest>,
}

/// Serves requests on one connection and reconnects when it is closed.
async fn run_connection(shared: Rc<ConnectionPool>, mut stream: Option<TcpStream>, channel: JobChannel) {
    let JobChannel { sender, receiver: mut jobs } = channel;
    let mut response = Vec::with_capacity(2048);
    while let Some(job) = jobs.recv().await {
        let mut job = Some(job);
        while let Some((request, due)) = job {
            let sent = Instant::now();
            let (result, kept) = exchange(shared.address, &mut stream, &request, &mut response).await;
            if !kept {
                stream = None;
            }
            shared.stats.borrow_mut().record_result(result, due, sent);
            job = shared.backlog.borrow_mut().pop_front();
        }
        shared.idle.borrow_mut().push(sender.clone());
    }
}

/// Sends one request and reads its response. The flag says whether the connection can be reused.
async fn exchange(
    address: SocketAddr,
    stream: &mut Option<TcpStream>,
    request: &[u8],
    response: &mut Vec<u8>,
) -> (RequestResult, bool) {
    if stream.is_none() {
        let Ok(made) = TcpStream::connect(address).await else { return (RequestResult::Failed, false) };
        let _ = made.set_nodelay(true);
        *stream = Some(made);
    }
    let Some(stream) = stream else { return (RequestResult::Failed, false) };
    if stream.write_all(request).await.is_err() {
        return (RequestResult::Failed, false);
    }
    response.clear();
    loop {
        match stream.read_buf(response).await {
            Ok(0) | Err(_) => return (RequestResult::Failed, false),
            Ok(_) => {}
        }
        if let Some(read) = parse_response(response) {
            return read;
        }
    }
}

/// The result in a complete response and whether the connection is kept; `None` while the response is incomplete.
fn parse_response(response: &[u8]) -> Option<(RequestResult, bool)> {
    let text = std::str::from_utf8(response).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let head = head.to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"))?;
    if body.len() < length.trim().parse().ok()? {
        return None;
    }
    let result = match head.get(9..12) {
        Some("200") => RequestResult::Succeeded,
        Some("429" | "503") => RequestResult::Refused,
        _ => RequestResult::Failed,
    };
    Some((result, !head.contains("\nconnection: close")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_incomplete_response_is_not_parsed() {
        let whole = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n雁";
        assert_eq!(parse_response(whole.as_bytes()), Some((RequestResult::Succeeded, true)));
        for length in 0..whole.len() {
            assert_eq!(parse_response(&whole.as_bytes()[..length]), None, "{length}");
        }
    }

    #[test]
    fn statuses_are_classified() {
        for (status, expected) in [
            ("200", RequestResult::Succeeded),
            ("429", RequestResult::Refused),
            ("503", RequestResult::Refused),
            ("500", RequestResult::Failed),
        ] {
            let response = format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
            assert_eq!(parse_response(response.as_bytes()), Some((expected, false)));
        }
    }
}
