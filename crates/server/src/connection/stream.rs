//! A guarded stream: a client's socket with a time limit for each request head, and for answers that the client does not read.
//!
//! A head that takes too long ends like a connection that the client has closed: actix finishes the answers under way, then the
//! stream sends 408 and closes. A client that takes nothing loses its connection, and until then nothing more is read from it, so
//! that it cannot have more answers made. No timer exists while a client sends and reads as it should.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::rt::net::TcpStream;
use api::{ConnectionAccount, ConnectionEnd};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use super::framing::RequestFraming;
use super::unread::{UnreadBytes, UnreadShare};

/// How often a connection that stands still is looked at.
const LOOK: Duration = Duration::from_secs(1);

const TIMED_OUT: &[u8] = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// A client's socket.
pub(super) struct GuardedStream {
    io: TcpStream,
    account: ConnectionAccount,
    end: ConnectionEnd,
    head: HeadTimer,
    unread: Arc<UnreadBytes>,
    standstill: Option<Standstill>,
    /// Whether a read was put off because of the standstill.
    owes_read: bool,
}

impl GuardedStream {
    pub(super) fn new(io: TcpStream, head_timeout: Duration, unread: &Arc<UnreadBytes>) -> Self {
        Self {
            io,
            account: ConnectionAccount::default(),
            end: ConnectionEnd::default(),
            head: HeadTimer {
                framing: RequestFraming::new(),
                timeout: head_timeout,
                timer: None,
                state: HeadState::InTime,
            },
            unread: Arc::clone(unread),
            standstill: None,
            owes_read: false,
        }
    }

    /// The account whose answers this connection carries.
    pub(super) fn account(&self) -> ConnectionAccount {
        self.account.clone()
    }

    /// Whether the client has closed its side.
    pub(super) fn end(&self) -> ConnectionEnd {
        self.end.clone()
    }

    /// The client took something.
    fn move_on(&mut self, context: &Context<'_>) {
        if self.standstill.take().is_some() && std::mem::take(&mut self.owes_read) {
            context.waker().wake_by_ref();
        }
    }

    /// The client takes nothing; so many bytes wait for it.
    fn stand_still(&mut self, context: &mut Context<'_>, bytes: usize) -> Poll<io::Result<usize>> {
        let (since, known) = match self.standstill.take() {
            Some(standstill) if standstill.bytes == bytes => (standstill.since, Some(standstill)),
            Some(standstill) => (standstill.since, None),
            None => (Instant::now(), None),
        };
        let mut standstill = match known {
            Some(standstill) => standstill,
            None => match self.unread.count(self.account.get(), bytes) {
                Some(share) => Standstill { since, bytes, look: Box::pin(sleep(LOOK)), _share: share },
                None => return Poll::Ready(Err(self.lose("too many bytes wait for clients"))),
            },
        };
        while standstill.look.as_mut().poll(context).is_ready() {
            if standstill.since.elapsed() >= self.unread.patience() {
                return Poll::Ready(Err(self.lose("the client reads nothing")));
            }
            standstill.look.as_mut().reset(Instant::now() + LOOK);
        }
        self.standstill = Some(standstill);
        Poll::Pending
    }

    /// Has the kernel drop what it holds for the client, too.
    fn lose(&self, reason: &'static str) -> io::Error {
        let _ = SockRef::from(&self.io).set_linger(Some(Duration::ZERO));
        tracing::warn!(kind = reason, "connection closed");
        io::Error::new(io::ErrorKind::TimedOut, reason)
    }
}

/// A client that takes nothing.
struct Standstill {
    since: Instant,
    bytes: usize,
    look: Pin<Box<Sleep>>,
    _share: UnreadShare,
}

/// The time limit of request heads. actix limits the first one, from the moment of the connection.
struct HeadTimer {
    framing: RequestFraming,
    timeout: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    state: HeadState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HeadState {
    InTime,
    /// Too late; so many bytes of the refusal are sent.
    TooLate(usize),
}

impl HeadTimer {
    fn follow(&mut self, bytes: &[u8]) {
        self.framing.follow(bytes);
        if self.timer.is_some() && !self.framing.is_within_head() {
            self.timer = None;
        }
    }

    /// Whether the present head takes too long. Called while nothing can be read.
    fn is_too_late(&mut self, context: &mut Context<'_>) -> bool {
        if !(self.framing.is_past_first_head && self.framing.is_within_head()) {
            return false;
        }
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(self.timeout)));
        let is_late = timer.as_mut().poll(context).is_ready();
        if is_late {
            self.state = HeadState::TooLate(0);
        }
        is_late
    }
}

impl AsyncRead for GuardedStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.head.state != HeadState::InTime {
            return Poll::Ready(Ok(()));
        }
        if this.standstill.is_some() {
            this.owes_read = true;
            return Poll::Pending;
        }
        let before = into.filled().len();
        match Pin::new(&mut this.io).poll_read(context, into) {
            Poll::Pending if !this.end.has_left_http() && this.head.is_too_late(context) => {
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Ok(())) => {
                if into.filled().len() == before {
                    this.end.set();
                }
                // On a socket there are no heads.
                if !this.end.has_left_http() {
                    this.head.follow(into.filled().get(before..).unwrap_or_default());
                }
                Poll::Ready(Ok(()))
            }
            other => other,
        }
    }
}

impl AsyncWrite for GuardedStream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match Pin::new(&mut this.io).poll_write(context, bytes) {
            Poll::Pending => this.stand_still(context, bytes.len()),
            written @ Poll::Ready(_) => {
                this.move_on(context);
                written
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(context)
    }

    /// Called when every answer is sent. A head that took too long is answered first.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let HeadState::TooLate(sent) = self.head.state {
            let Some(rest) = TIMED_OUT.get(sent..).filter(|rest| !rest.is_empty()) else { break };
            let written = ready!(self.as_mut().poll_write(context, rest))?;
            self.head.state = HeadState::TooLate(sent + written);
        }
        Pin::new(&mut self.get_mut().io).poll_shutdown(context)
    }
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
