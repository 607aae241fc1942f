//! Spooling: a ring buffer between a fast producer and a slow consumer, in memory while it is small and then in a temporary file.
//!
//! The file has no name, so it vanishes with the process. It is read and written on the runtime's threads for blocking work.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::Arc;

use actix_web::web::{Bytes, block};
use domain::number::saturating;
use parking_lot::Mutex;
use tempfile::SpooledTempFile;
use tokio::sync::Notify;

/// Most bytes of a spool that are kept in memory.
const IN_MEMORY: usize = 256 << 10;
/// Bytes that the consumer gets at once.
const CHUNK: u64 = 64 << 10;

/// How the producer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SpoolEnd {
    /// Everything was written.
    Complete,
    /// Something is missing.
    Aborted,
}

/// What the consumer gets next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    Bytes(Bytes),
    /// Everything was taken.
    Nothing(SpoolEnd),
}

/// The buffer; positions count from the first byte ever written.
struct Ring {
    file: SpooledTempFile,
    capacity: u64,
    written: u64,
    taken: u64,
    end: Option<SpoolEnd>,
    abandoned: bool,
}

impl Ring {
    fn room(&self) -> u64 {
        self.capacity.saturating_sub(self.written - self.taken)
    }

    /// Writes as much as there is room for; returns the rest.
    fn write(&mut self, mut bytes: Bytes) -> io::Result<Bytes> {
        while !bytes.is_empty() && self.room() > 0 {
            let place = self.written % self.capacity;
            let length = self.room().min(self.capacity - place).min(saturating(bytes.len()));
            let part = bytes.split_to(saturating(length));
            self.file.seek(SeekFrom::Start(place))?;
            self.file.write_all(&part)?;
            self.written += length;
        }
        Ok(bytes)
    }

    /// The next bytes; none if everything written so far was taken.
    fn take(&mut self) -> io::Result<Bytes> {
        let place = self.taken % self.capacity;
        let length = (self.written - self.taken).min(self.capacity - place).min(CHUNK);
        let mut bytes = vec![0; saturating(length)];
        self.file.seek(SeekFrom::Start(place))?;
        self.file.read_exact(&mut bytes)?;
        self.taken += length;
        Ok(bytes.into())
    }
}

/// A spool with one producer and one consumer.
pub(super) struct Spool {
    ring: Arc<Mutex<Ring>>,
    filled: Notify,
    drained: Notify,
}

impl Spool {
    /// An empty spool that holds at most `capacity` bytes.
    pub(super) fn new(capacity: u64) -> Self {
        let file = SpooledTempFile::new(IN_MEMORY);
        let ring = Ring { file, capacity, written: 0, taken: 0, end: None, abandoned: false };
        Self { ring: Arc::new(Mutex::new(ring)), filled: Notify::new(), drained: Notify::new() }
    }

    /// Runs `work` on a thread for blocking work.
    async fn with_ring<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Ring) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let ring = Arc::clone(&self.ring);
        #[expect(
            clippy::disallowed_methods,
            reason = "an export has one such call at a time, into the page cache"
        )]
        block(move || work(&mut ring.lock())).await.map_err(io::Error::other)?
    }

    /// Appends as much as there is room for; returns the rest.
    pub(super) async fn write(&self, bytes: Bytes) -> io::Result<Bytes> {
        let rest = self.with_ring(|ring| ring.write(bytes)).await;
        self.filled.notify_one();
        rest
    }

    /// Ends the producer's side. After an abort, nothing more can be taken.
    pub(super) fn end(&self, end: SpoolEnd) {
        let mut ring = self.ring.lock();
        // A complete export that the client has not taken can still be aborted.
        if ring.end.is_none() || ring.written > ring.taken {
            ring.end = Some(end);
        }
        if end == SpoolEnd::Aborted {
            ring.taken = ring.written;
            // Frees the memory and the disk.
            ring.file = SpooledTempFile::new(0);
        }
        drop(ring);
        self.filled.notify_one();
    }

    /// Waits until the consumer has taken something more, or has gone.
    pub(super) async fn drained(&self) {
        self.drained.notified().await;
    }

    /// Bytes that the consumer has not taken.
    pub(super) fn left(&self) -> u64 {
        let ring = self.ring.lock();
        ring.written - ring.taken
    }

    /// Bytes that were ever written.
    pub(super) fn written(&self) -> u64 {
        self.ring.lock().written
    }

    /// Whether the consumer has gone.
    pub(super) fn is_abandoned(&self) -> bool {
        self.ring.lock().abandoned
    }

    /// Takes the next bytes; waits for them.
    pub(super) async fn take(&self) -> io::Result<Taken> {
        loop {
            let end = self.ring.lock().end;
            if self.left() > 0 {
                let bytes = self.with_ring(Ring::take).await?;
                self.drained.notify_one();
                if !bytes.is_empty() {
                    return Ok(Taken::Bytes(bytes));
                }
            } else if let Some(end) = end {
                return Ok(Taken::Nothing(end));
            } else {
                self.filled.notified().await;
            }
        }
    }

    /// Ends the consumer's side.
    pub(super) fn abandon(&self) {
        self.ring.lock().abandoned = true;
        self.drained.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn take_all(spool: &Spool) -> (Vec<u8>, SpoolEnd) {
        let mut all = Vec::new();
        loop {
            match spool.take().await.unwrap() {
                Taken::Bytes(bytes) => all.extend(bytes),
                Taken::Nothing(end) => return (all, end),
            }
        }
    }

    #[actix_web::test]
    async fn bytes_come_out_as_they_went_in_however_small_the_ring_is() {
        for (capacity, numbers) in [(1000, 2_000), (300_007, 200_000), (1 << 30, 200_000)] {
            let expected: Vec<u8> = (0..numbers).flat_map(u32::to_le_bytes).collect();
            let spool = Arc::new(Spool::new(capacity));
            let (producer, mut rest) = (Arc::clone(&spool), Bytes::from(expected.clone()));
            let writing = actix_web::rt::spawn(async move {
                while !rest.is_empty() {
                    rest = producer.write(rest).await.unwrap();
                    if !rest.is_empty() {
                        producer.drained().await;
                    }
                }
                producer.end(SpoolEnd::Complete);
            });
            let (all, end) = take_all(&spool).await;
            assert!(all == expected && end == SpoolEnd::Complete, "{capacity}");
            writing.await.unwrap();
        }
    }

    #[actix_web::test]
    async fn an_aborted_spool_yields_nothing_more() {
        let spool = Spool::new(1 << 20);
        assert!(spool.write(Bytes::from_static(b"begun")).await.unwrap().is_empty());
        spool.end(SpoolEnd::Aborted);
        assert_eq!(take_all(&spool).await, (Vec::new(), SpoolEnd::Aborted));
    }

    #[actix_web::test]
    async fn what_was_complete_but_not_taken_can_still_be_aborted() {
        let spool = Spool::new(1 << 20);
        spool.write(Bytes::from_static(b"whole")).await.unwrap();
        spool.end(SpoolEnd::Complete);
        spool.end(SpoolEnd::Aborted);
        assert_eq!(take_all(&spool).await, (Vec::new(), SpoolEnd::Aborted));
        let spool = Spool::new(1 << 20);
        spool.write(Bytes::from_static(b"whole")).await.unwrap();
        spool.end(SpoolEnd::Complete);
        assert_eq!(take_all(&spool).await, (b"whole".to_vec(), SpoolEnd::Complete));
        spool.end(SpoolEnd::Aborted);
        assert_eq!(take_all(&spool).await, (Vec::new(), SpoolEnd::Complete));
    }
}
