//! The requests: messages with unique keys, in conversations chosen uniformly.

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::BuildHasher;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;

/// The text of a message that is due at this time since the start.
pub(crate) fn text(due: Duration) -> String {
    format!("hello world {:017}", due.as_micros())
}

/// The time that [`text`] was given; `None` for another text.
pub(crate) fn due_time(text: &str) -> Option<Duration> {
    text.strip_prefix("hello world ")?.parse().ok().map(Duration::from_micros)
}

/// The lines of a file in this folder.
pub(crate) fn lines(folder: &Path, name: &str) -> anyhow::Result<Vec<String>> {
    let text = fs::read_to_string(folder.join(name)).with_context(|| format!("{name} cannot be read"))?;
    Ok(text.lines().map(str::to_owned).collect())
}

/// An endless supply of requests.
pub(crate) struct Messages {
    /// The request head of each conversation and its receiver.
    pairs: Vec<(String, String)>,
    prefix: String,
    count: u64,
    random: u64,
}

impl Messages {
    /// Reads `tokens` (one line per user) and `pairs` (one line per conversation: the user's number, the peer's id, the
    /// conversation's id).
    pub(crate) fn read(folder: &Path) -> anyhow::Result<Self> {
        let (tokens, pairs_read) = (lines(folder, "tokens")?, lines(folder, "pairs")?);
        let mut pairs = Vec::new();
        for line in &pairs_read {
            let mut words = line.split_whitespace();
            let (person, peer) = words.next().zip(words.next()).context("malformed line in pairs")?;
            let person: usize = person.parse()?;
            let token = tokens.get(person.wrapping_sub(1)).context("a user has no token")?;
            let head = format!(
                "POST /api/auth/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
            );
            pairs.push((head, peer.to_owned()));
        }
        anyhow::ensure!(!pairs.is_empty(), "there are no pairs");
        // Two processes must not use the same keys; the standard library's hash seed differs between them.
        let random = RandomState::new().hash_one(0) | 1;
        Ok(Self { pairs, prefix: format!("load-{random:016x}-"), count: 0, random })
    }

    /// The next complete request, due at this time since the start.
    pub(crate) fn next(&mut self, due: Duration) -> Vec<u8> {
        self.count += 1;
        // Xorshift is random enough for a uniform choice.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let number = usize::try_from(self.random >> 16).unwrap_or_default() % self.pairs.len();
        let Some((head, peer)) = self.pairs.get(number) else { return Vec::new() };
        let (prefix, count, text) = (&self.prefix, self.count, text(due));
        let body = format!(
            r#"{{"receiver_id":"{peer}","content":"{text}","client_message_id":"{prefix}{count:010}"}}"#
        );
        format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
    }
}
