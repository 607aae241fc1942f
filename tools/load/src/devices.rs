//! Simulated clients: the devices of those who receive. Each holds a socket, answers its heartbeats, notes when messages arrive, and comes back after a cut
//! with its cursor, as the contract asks of clients.

use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::Context;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::arrivals::Arrivals;

/// Devices of one source address: an address has some 28,000 ports, and servers limit strangers by address.
const DEVICES_PER_ADDRESS: usize = 1000;
/// How many devices open their sockets at a time.
const OPENED_AT_A_TIME: usize = 32;
/// The first wait before a device comes back; doubled after each failure.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Opens `count` sockets with the tokens in turn, and waits until all are live.
pub(crate) async fn open_devices(
    server: SocketAddr,
    tokens: Vec<String>,
    count: usize,
    arrivals: &Rc<RefCell<Arrivals>>,
) -> anyhow::Result<()> {
    anyhow::ensure!(!tokens.is_empty(), "there are no tokens of receivers");
    let tokens = Rc::new(tokens);
    for number in 0..count {
        let device =
            ReceivingDevice { server, tokens: Rc::clone(&tokens), number, arrivals: Rc::clone(arrivals) };
        tokio::task::spawn_local(device.run());
        while number + 1 - arrivals.borrow().live() >= OPENED_AT_A_TIME {
            tokio::time::sleep(Duration::from_millis(1)).await;
            arrivals.borrow().check()?;
        }
    }
    let deadline = Instant::now() + Duration::from_secs(60);
    while arrivals.borrow().live() < count {
        tokio::time::sleep(Duration::from_millis(10)).await;
        arrivals.borrow().check()?;
        anyhow::ensure!(Instant::now() < deadline, "only {} sockets became live", arrivals.borrow().live());
    }
    Ok(())
}

struct ReceivingDevice {
    server: SocketAddr,
    tokens: Rc<Vec<String>>,
    number: usize,
    arrivals: Rc<RefCell<Arrivals>>,
}

type DeviceSocket = WebSocketStream<TcpStream>;

impl ReceivingDevice {
    async fn run(self) {
        let (mut cursor, mut pause, mut cut) = (Value::Null, FIRST_PAUSE, None);
        loop {
            let begun = Instant::now();
            let end = self.live_once(&mut cursor, cut).await;
            let retry = match end {
                Ok(retry) => retry,
                Err(error) => {
                    self.arrivals.borrow_mut().record_refusal(&error);
                    None
                }
            };
            // Only a life that lasted ends the doubling.
            if begun.elapsed() > LONGEST_PAUSE {
                pause = FIRST_PAUSE;
            }
            cut.get_or_insert_with(Instant::now);
            if self.arrivals.borrow_mut().record_cut(self.number) {
                cut = Some(Instant::now());
            }
            tokio::time::sleep(retry.unwrap_or_else(|| self.part_of(pause))).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Half of this time to all of it, another for each device.
    fn part_of(&self, time: Duration) -> Duration {
        let part = u32::try_from(self.number.wrapping_mul(7919) % 500).unwrap_or_default();
        time * (500 + part) / 1000
    }

    async fn open(&self) -> anyhow::Result<DeviceSocket> {
        let socket = TcpSocket::new_v4()?;
        let address = u8::try_from(2 + self.number / DEVICES_PER_ADDRESS).context("too many devices")?;
        if self.server.ip().is_loopback() {
            socket.bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, address)), 0))?;
        }
        let stream = socket.connect(self.server).await?;
        let request = format!("ws://{}/api/auth/socket", self.server).into_client_request()?;
        Ok(client_async(request, stream).await?.0)
    }

    /// The cursor of a device that has applied everything.
    async fn first_cursor(&self, token: &str) -> anyhow::Result<Value> {
        let mut stream = TcpStream::connect(self.server).await?;
        let request = format!(
            "GET /api/auth/sync?limit=1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut response = Vec::new();
        stream.read_to_end(&mut response).await?;
        let response = String::from_utf8(response)?;
        let body = response.split_once("\r\n\r\n").context("no response")?.1;
        let answer: Value = serde_json::from_str(body)?;
        answer.pointer("/data/cursor").cloned().with_context(|| format!("no cursor: {body}"))
    }

    /// One socket from its opening to its end; the answer is the time to wait that a `goodbye` named.
    async fn live_once(&self, cursor: &mut Value, cut: Option<Instant>) -> anyhow::Result<Option<Duration>> {
        let token = self.tokens.get(self.number % self.tokens.len()).context("no token")?;
        if cursor.is_null() {
            *cursor = self.first_cursor(token).await?;
        }
        let mut socket = self.open().await?;
        let mine = json!({ "type": "authenticate", "token": token, "cursor": cursor });
        socket.send(Message::text(mine.to_string())).await?;
        let mut retry = None;
        while let Some(message) = socket.next().await {
            let Ok(message) = message else { break };
            let arrived = Instant::now();
            let Message::Text(text) = message else { continue };
            let frame: Value = serde_json::from_str(&text)?;
            match frame.get("type").and_then(Value::as_str) {
                Some("message") => self.arrivals.borrow_mut().record_frame(&frame, arrived),
                Some("live") => self.arrivals.borrow_mut().record_live(self.number, cut),
                Some("tick") => *cursor = frame.get("cursor").cloned().unwrap_or_default(),
                Some("sync") => {
                    *cursor = frame.pointer("/data/cursor").cloned().unwrap_or_default();
                }
                Some("goodbye") => {
                    retry = frame.get("retry_ms").and_then(Value::as_u64).map(Duration::from_millis);
                }
                _ => {}
            }
        }
        Ok(retry)
    }
}
