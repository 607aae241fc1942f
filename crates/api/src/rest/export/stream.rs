//! The body of an export: a stream with backpressure.
//!
//! A task reads the export and sends it chunk by chunk through a channel of capacity one. It is at most two chunks ahead of the
//! client, so an export needs the memory of a few hundred messages, however large it is. A client that stops reading for
//! [`STALL_TIMEOUT`] loses the export, so that it cannot hold a database connection.

use std::fmt;
use std::time::Duration;

use actix_web::rt::time::timeout;
use actix_web::web::Bytes;
use domain::export::ExportReader;
use futures_util::Stream;
use futures_util::stream::unfold;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tracing::Instrument;

use super::json::ExportWriter;
use crate::http::language::Language;

/// The longest time a client may stop reading.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);

/// The export was aborted. The connection closes before the end of the body, so that clients notice that it is incomplete.
#[derive(Debug)]
pub(crate) struct ExportAborted;

impl fmt::Display for ExportAborted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("export aborted")
    }
}

impl std::error::Error for ExportAborted {}

/// A chunk of the body.
enum Chunk {
    More(Bytes),
    /// The end of the document. A body without it is incomplete.
    Last(Bytes),
}

/// Starts the reading task and returns the body.
pub(crate) fn start(
    reader: Box<dyn ExportReader>,
    language: Language,
) -> impl Stream<Item = Result<Bytes, ExportAborted>> {
    let (sender, receiver) = channel(1);
    actix_web::rt::spawn(read(reader, ExportWriter::new(language), sender).in_current_span());
    body(receiver)
}

/// The chunks up to the last one. If the channel closes before that, the body ends with an error.
fn body(receiver: Receiver<Chunk>) -> impl Stream<Item = Result<Bytes, ExportAborted>> {
    unfold(Some(receiver), |receiver| async {
        let mut receiver = receiver?;
        Some(match receiver.recv().await {
            Some(Chunk::More(bytes)) => (Ok(bytes), Some(receiver)),
            Some(Chunk::Last(bytes)) => (Ok(bytes), None),
            None => (Err(ExportAborted), None),
        })
    })
}

/// Reads until the end, or until the client disconnects.
async fn read(mut reader: Box<dyn ExportReader>, mut document: ExportWriter, sender: Sender<Chunk>) {
    loop {
        let written = match reader.next().await {
            Ok(Some(part)) => document.part(part),
            Ok(None) => {
                // Release the database connection before the last chunk is sent.
                drop(reader);
                return finish(document, &sender).await;
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                return tracing::error!(error, reason = "database error", "export aborted");
            }
        };
        let text = match written {
            Ok(text) => text,
            Err(error) => return tracing::error!(%error, reason = "serialisation error", "export aborted"),
        };
        if !text.is_empty() && !send_chunk(Chunk::More(text.into()), &sender).await {
            return;
        }
    }
}

async fn finish(document: ExportWriter, sender: &Sender<Chunk>) {
    match document.end() {
        Ok(text) => {
            send_chunk(Chunk::Last(text.into()), sender).await;
        }
        Err(error) => tracing::error!(%error, reason = "serialisation error", "export aborted"),
    }
}

/// Sends a chunk to the body. False if the client disconnected or stopped reading.
async fn send_chunk(chunk: Chunk, sender: &Sender<Chunk>) -> bool {
    match timeout(STALL_TIMEOUT, sender.send(chunk)).await {
        Ok(Ok(())) => true,
        // The client disconnected.
        Ok(Err(_)) => false,
        Err(_) => {
            tracing::warn!(reason = "client stopped reading", "export aborted");
            false
        }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
