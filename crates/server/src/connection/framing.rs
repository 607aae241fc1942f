//! HTTP/1 request framing: finds where the heads of requests begin and end in the bytes of a connection.
//!
//! It reads line ends and two headers, nothing else. Where it cannot know the end of a body, it stops following; such
//! connections are closed after their response (`api`, `http/connection.rs`).

use memchr::memchr;

/// Longest part of a line that is kept until the line is complete. No header that matters is longer.
const MAX_LINE: usize = 256;

/// What the next byte belongs to.
#[derive(Debug, Default, PartialEq, Eq)]
enum FramePart {
    /// A head, or the time between two requests.
    #[default]
    Head,
    /// A body that has this many bytes left.
    Body(u64),
    /// A body without a known end.
    Endless,
}

/// The position in the requests of one connection.
#[derive(Debug, Default)]
pub(super) struct RequestFraming {
    part: FramePart,
    /// Whether a byte of the present head was received.
    head_begun: bool,
    /// Whether the present head has its first line. Empty lines before it are skipped, as HTTP permits.
    has_lines: bool,
    /// The beginning of a line whose end was not received yet.
    line: Vec<u8>,
    /// The length of the body that follows the present head; `None` if it has no known end.
    body: Option<u64>,
    /// Whether a head was received completely.
    pub(super) is_past_first_head: bool,
}

impl RequestFraming {
    pub(super) fn new() -> Self {
        Self { body: Some(0), ..Self::default() }
    }

    /// Whether a head has begun and its end was not received yet.
    pub(super) const fn is_within_head(&self) -> bool {
        matches!(self.part, FramePart::Head) && self.head_begun
    }

    /// Follows the bytes that were received next.
    pub(super) fn follow(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            bytes = match self.part {
                FramePart::Head => self.follow_head(bytes),
                FramePart::Body(left) => {
                    let taken = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                    let left = left.saturating_sub(taken as u64);
                    self.part = if left == 0 { FramePart::Head } else { FramePart::Body(left) };
                    bytes.get(taken..).unwrap_or_default()
                }
                FramePart::Endless => &[],
            };
        }
    }

    /// Follows one line of a head and returns the bytes after it.
    fn follow_head<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        self.head_begun = true;
        let Some((line, rest)) = memchr(b'\n', bytes).and_then(|end| bytes.split_at_checked(end)) else {
            let room = MAX_LINE.saturating_sub(self.line.len()).min(bytes.len());
            self.line.extend_from_slice(bytes.get(..room).unwrap_or_default());
            return &[];
        };
        if self.line.is_empty() {
            self.end_line(line);
        } else {
            let mut whole = std::mem::take(&mut self.line);
            whole.extend_from_slice(line);
            self.end_line(&whole);
        }
        rest.get(1..).unwrap_or_default()
    }

    fn end_line(&mut self, line: &[u8]) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if !line.is_empty() {
            self.has_lines = true;
            if matches!(line.first(), Some(b'c' | b'C' | b't' | b'T')) {
                self.read_header(line);
            }
        } else if self.has_lines {
            self.part = match self.body {
                None => FramePart::Endless,
                Some(0) => FramePart::Head,
                Some(length) => FramePart::Body(length),
            };
            (self.head_begun, self.has_lines, self.body) = (false, false, Some(0));
            self.is_past_first_head = true;
        }
    }

    fn read_header(&mut self, line: &[u8]) {
        let Some((name, value)) = memchr(b':', line).and_then(|colon| line.split_at_checked(colon)) else {
            return;
        };
        if name.eq_ignore_ascii_case(b"content-length") {
            let digits = std::str::from_utf8(value.get(1..).unwrap_or_default()).unwrap_or_default();
            self.body = self.body.and(digits.trim().parse().ok());
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.body = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    const POST: &[u8] = b"POST / HTTP/1.1\r\nHost: x\r\ncontent-LENGTH:  5 \r\n\r\n{\n\n1}";

    /// The framing after these bytes, received in pieces of this length.
    fn after(bytes: &[u8], piece: usize) -> RequestFraming {
        let mut framing = RequestFraming::new();
        for piece in bytes.chunks(piece) {
            framing.follow(piece);
        }
        framing
    }

    #[test]
    fn the_end_of_a_request_is_found_however_its_bytes_are_split() {
        let line_feeds = b"GET / HTTP/1.1\nHost: x\n\n";
        for requests in [GET, POST, line_feeds, &[GET, POST, GET].concat(), &[POST, POST].concat()] {
            for piece in 1..=requests.len() {
                let framing = after(requests, piece);
                assert!(framing.is_past_first_head && !framing.is_within_head(), "{piece}");
                assert_eq!(framing.part, FramePart::Head);
                assert!(after(&[requests, b"G"].concat(), piece).is_within_head(), "{piece}");
            }
        }
    }

    #[test]
    fn a_head_begins_with_its_first_byte_and_empty_lines_are_part_of_it() {
        assert!(!after(b"", 1).is_within_head());
        for begun in
            [&b"\r\n"[..], b"\n\n\r\n", b"G", b"GET / HTTP/1.1\r\nHost: x\r\n", b"\r\nGET / HTTP/1.1\r\n"]
        {
            let framing = after(begun, 3);
            assert!(framing.is_within_head() && !framing.is_past_first_head, "{begun:?}");
        }
        assert!(!after(&[b"\r\n\r\n", GET].concat(), 4).is_within_head());
    }

    #[test]
    fn a_body_is_no_head() {
        let begun = POST.split_at(POST.len() - 2).0;
        for piece in 1..begun.len() {
            let framing = after(begun, piece);
            assert!(!framing.is_within_head() && framing.part == FramePart::Body(2), "{piece}");
        }
    }

    #[test]
    fn a_body_without_a_known_end_is_not_followed() {
        for header in [
            "Transfer-Encoding: chunked",
            "Content-Length: x",
            "Content-Length: 1\r\nTransfer-Encoding: chunked",
        ] {
            let request = format!("POST / HTTP/1.1\r\n{header}\r\n\r\n5\r\n{{}}\r\n\r\nGET");
            let framing = after(request.as_bytes(), 7);
            assert!(framing.part == FramePart::Endless && !framing.is_within_head(), "{header}");
        }
    }

    #[test]
    fn a_long_line_is_not_kept() {
        let mut framing = RequestFraming::new();
        for _ in 0..1000 {
            framing.follow(&[b'x'; 100]);
        }
        assert!(framing.is_within_head() && framing.line.len() <= MAX_LINE);
    }
}
