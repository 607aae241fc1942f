//! The body of an export: read from the database at the database's pace, taken by the client at its own.
//!
//! A task reads the snapshot into a [`Spool`], so that a slow client does not hold the snapshot, and the memory of an export is
//! small however large it is. The time of both sides is bounded by the export's size: at least [`MIN_READ_RATE`] for the snapshot,
//! [`MIN_CLIENT_RATE`] for the client. The task rests as long as each read took, so that an export uses half of a
//! connection's time.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::rt::time::{sleep, timeout};
use actix_web::web::Bytes;
use domain::export::ExportReader;
use futures_util::Stream;
use futures_util::stream::unfold;
use tracing::Instrument;

use super::json::ExportWriter;
use super::spool::{Spool, SpoolEnd, Taken};
use crate::admission::ExportPass;
use crate::http::language::Language;

/// The longest time a client may stop reading.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);
/// The time that any export has, whatever its size.
const BASE_TIME: Duration = Duration::from_secs(30);
/// The slowest allowed mean rate at which the snapshot is read, in bytes per second.
const MIN_READ_RATE: u64 = 1 << 20;
/// The slowest allowed mean rate at which the client reads, in bytes per second.
const MIN_CLIENT_RATE: u64 = 32 << 10;
/// The most bytes that the snapshot is ahead of the client.
const SPOOL_CAPACITY: u64 = 64 << 20;

/// An admitted export whose snapshot is open.
pub(super) struct RunningExport {
    pub(super) reader: Box<dyn ExportReader>,
    /// Held until the client has taken everything.
    pub(super) pass: ExportPass,
}

/// The export was aborted. The connection closes before the end of the body, so that clients notice that it is incomplete.
#[derive(Debug)]
pub(crate) struct ExportAborted;

impl fmt::Display for ExportAborted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("export aborted")
    }
}

impl std::error::Error for ExportAborted {}

/// Starts the reading task and returns the body.
pub(super) fn start(
    export: RunningExport,
    language: Language,
) -> impl Stream<Item = Result<Bytes, ExportAborted>> {
    start_with(export, language, SPOOL_CAPACITY)
}

fn start_with(
    export: RunningExport,
    language: Language,
    capacity: u64,
) -> impl Stream<Item = Result<Bytes, ExportAborted>> {
    let spool = Arc::new(Spool::new(capacity));
    let task = ExportTask { spool: Arc::clone(&spool), begun: Instant::now() };
    actix_web::rt::spawn(task.run(export, ExportWriter::new(language)).in_current_span());
    body(SpoolConsumer(spool))
}

/// The client's end of the spool.
struct SpoolConsumer(Arc<Spool>);

impl Drop for SpoolConsumer {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

/// The bytes up to the last one. If the spool was aborted, the body ends with an error.
fn body(consumer: SpoolConsumer) -> impl Stream<Item = Result<Bytes, ExportAborted>> {
    unfold(Some(consumer), |consumer| async {
        let consumer = consumer?;
        match consumer.0.take().await {
            Ok(Taken::Bytes(bytes)) => Some((Ok(bytes), Some(consumer))),
            Ok(Taken::Nothing(SpoolEnd::Complete)) => None,
            Ok(Taken::Nothing(SpoolEnd::Aborted)) | Err(_) => Some((Err(ExportAborted), None)),
        }
    })
}

/// Why an export ends early.
#[derive(Debug, thiserror::Error)]
enum EarlyEnd {
    #[error("client disconnected")]
    Disconnected,
    #[error("client stopped reading or is too slow")]
    SlowClient,
    #[error("database error: {0:?}")]
    Database(#[from] domain::error::PortError),
    #[error("serialisation error: {0}")]
    Serialisation(#[from] serde_json::Error),
    #[error("temporary file: {0}")]
    Spool(#[from] std::io::Error),
}

/// The task that fills the spool.
struct ExportTask {
    spool: Arc<Spool>,
    begun: Instant,
}

impl ExportTask {
    async fn run(self, export: RunningExport, document: ExportWriter) {
        let RunningExport { reader, mut pass } = export;
        let ended = match self.read(reader, document).await {
            Ok(()) => {
                self.spool.end(SpoolEnd::Complete);
                pass.complete();
                self.wait_for_client().await
            }
            Err(end) => Err(end),
        };
        match ended {
            Ok(()) | Err(EarlyEnd::Disconnected) => {}
            Err(reason @ EarlyEnd::SlowClient) => tracing::warn!(%reason, "export aborted"),
            Err(reason) => tracing::error!(%reason, "export aborted"),
        }
        // Without effect after a complete export that was taken.
        self.spool.end(SpoolEnd::Aborted);
    }

    /// Reads the snapshot to its end and releases it.
    async fn read(
        &self,
        mut reader: Box<dyn ExportReader>,
        mut document: ExportWriter,
    ) -> Result<(), EarlyEnd> {
        loop {
            let begun = Instant::now();
            let Some(part) = reader.next().await? else { break };
            let worked = begun.elapsed();
            self.write(document.part(part)?.into(), MIN_READ_RATE).await?;
            sleep(worked).await;
        }
        drop(reader);
        self.write(document.end()?.into(), MIN_CLIENT_RATE).await
    }

    /// Writes to the spool, as the client makes room in it.
    async fn write(&self, mut bytes: Bytes, min_rate: u64) -> Result<(), EarlyEnd> {
        loop {
            if self.spool.is_abandoned() {
                return Err(EarlyEnd::Disconnected);
            }
            if bytes.is_empty() {
                return Ok(());
            }
            bytes = self.spool.write(bytes).await?;
            if !bytes.is_empty() {
                self.wait_for_progress(min_rate).await?;
            }
        }
    }

    /// Waits until the client has taken everything.
    async fn wait_for_client(&self) -> Result<(), EarlyEnd> {
        while self.spool.left() > 0 {
            self.wait_for_progress(MIN_CLIENT_RATE).await?;
            if self.spool.is_abandoned() {
                return Err(EarlyEnd::Disconnected);
            }
        }
        Ok(())
    }

    /// Waits until the client has taken something, within the time that an export of this size has.
    async fn wait_for_progress(&self, min_rate: u64) -> Result<(), EarlyEnd> {
        let allowed = BASE_TIME + Duration::from_secs(self.spool.written() / min_rate);
        let left = allowed.saturating_sub(self.begun.elapsed());
        timeout(STALL_TIMEOUT.min(left), self.spool.drained()).await.map_err(|_| EarlyEnd::SlowClient)
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
