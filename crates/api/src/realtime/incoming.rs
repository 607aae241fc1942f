//! Rate limiting: the messages of a client are no larger and no more than it may send.

use std::collections::VecDeque;
use std::time::Duration;

use actix_web::rt::time::Instant;
use actix_ws::{Message, MessageStream, ProtocolError};

use super::farewell::Farewell;

/// What a client has sent.
pub(super) enum Heard {
    Text(String),
    Ping(Vec<u8>),
    Pong,
}

/// The messages of a client.
pub(super) struct Incoming {
    messages: MessageStream,
    texts: RateWindow,
    controls: RateWindow,
    last: Instant,
}

impl Incoming {
    /// The largest frame in bytes.
    const LARGEST: usize = 4096;

    pub(super) fn new(messages: MessageStream) -> Self {
        let messages = messages.max_frame_size(Self::LARGEST);
        Self { messages, texts: RateWindow::new(20), controls: RateWindow::new(60), last: Instant::now() }
    }

    /// How long the client has sent nothing.
    pub(super) fn silence(&self) -> Duration {
        self.last.elapsed()
    }

    /// The next message.
    pub(super) async fn next(&mut self) -> Result<Heard, Farewell> {
        loop {
            let message = match self.messages.recv().await {
                None => return Err(Farewell::Left),
                Some(Err(error)) => return Err(fault(&error)),
                Some(Ok(message)) => message,
            };
            let now = Instant::now();
            self.last = now;
            let window =
                if matches!(message, Message::Text(_)) { &mut self.texts } else { &mut self.controls };
            if !window.admit(now) {
                return Err(Farewell::TooManyFrames);
            }
            match message {
                Message::Text(text) => return Ok(Heard::Text(text.to_string())),
                Message::Ping(payload) => return Ok(Heard::Ping(payload.to_vec())),
                Message::Pong(_) => return Ok(Heard::Pong),
                Message::Nop => {}
                Message::Close(_) => return Err(Farewell::Left),
                Message::Binary(_) | Message::Continuation(_) => return Err(Farewell::Malformed),
            }
        }
    }
}

fn fault(error: &ProtocolError) -> Farewell {
    match error {
        ProtocolError::Overflow => Farewell::TooLarge,
        ProtocolError::Io(error) if error.kind() != std::io::ErrorKind::InvalidData => Farewell::Left,
        _ => Farewell::Malformed,
    }
}

/// A sliding window: at most so many events in ten seconds.
struct RateWindow {
    most: usize,
    times: VecDeque<Instant>,
}

impl RateWindow {
    const LENGTH: Duration = Duration::from_secs(10);

    const fn new(most: usize) -> Self {
        Self { most, times: VecDeque::new() }
    }

    fn admit(&mut self, now: Instant) -> bool {
        while self.times.front().is_some_and(|first| now.duration_since(*first) >= Self::LENGTH) {
            self.times.pop_front();
        }
        self.times.push_back(now);
        self.times.len() <= self.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_admits_so_many_in_ten_seconds_wherever_it_begins() {
        let (mut window, begin) = (RateWindow::new(3), Instant::now());
        let mut at = |second| window.admit(begin + Duration::from_secs(second));
        assert!(at(0) && at(9) && at(9) && at(10));
        assert!(!at(11), "four since second 9");
        assert!(at(21));
    }
}
