//! The body of an export: written as fast as the client takes it, and no faster.
//!
//! A task of its own reads the export and hands it over piece by piece. It is never further ahead than one piece that waits and
//! one in its hands, so that an export needs as much memory as a few hundred messages do, however large it is. A client that
//! takes nothing for a while loses it, so that nobody can keep a connection to the database by not reading.

use std::fmt;
use std::time::Duration;

use actix_web::rt::time::timeout;
use actix_web::web::Bytes;
use domain::export::ExportReader;
use futures_util::Stream;
use futures_util::stream::unfold;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tracing::Instrument;

use super::json::Document;
use crate::http::language::Language;

/// How long a client may take nothing.
const STALLED: Duration = Duration::from_secs(30);

/// The export broke off. The connection is closed without the end of the body, so that nobody takes it for complete.
#[derive(Debug)]
pub(crate) struct BrokenOff;

impl fmt::Display for BrokenOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the export broke off")
    }
}

impl std::error::Error for BrokenOff {}

/// A piece of the body.
enum Piece {
    More(Bytes),
    /// Nothing comes behind it. Without it the body has no end.
    Last(Bytes),
}

/// Starts to read, and returns what is to be sent.
pub(crate) fn start(
    reader: Box<dyn ExportReader>,
    language: Language,
) -> impl Stream<Item = Result<Bytes, BrokenOff>> {
    let (sender, receiver) = channel(1);
    actix_web::rt::spawn(read(reader, Document::new(language), sender).in_current_span());
    body(receiver)
}

/// The pieces up to the last one. If that does not come, the body ends with an error.
fn body(receiver: Receiver<Piece>) -> impl Stream<Item = Result<Bytes, BrokenOff>> {
    unfold(Some(receiver), |receiver| async {
        let mut receiver = receiver?;
        Some(match receiver.recv().await {
            Some(Piece::More(bytes)) => (Ok(bytes), Some(receiver)),
            Some(Piece::Last(bytes)) => (Ok(bytes), None),
            None => (Err(BrokenOff), None),
        })
    })
}

/// Reads until the end, or until the client has gone away.
async fn read(mut reader: Box<dyn ExportReader>, mut document: Document, sender: Sender<Piece>) {
    loop {
        let written = match reader.next().await {
            Ok(Some(part)) => document.part(part),
            Ok(None) => {
                // The connection to the database is not needed while the last piece is sent.
                drop(reader);
                return finish(document, &sender).await;
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                return tracing::error!(error, "an export broke off");
            }
        };
        let text = match written {
            Ok(text) => text,
            Err(error) => return tracing::error!(%error, "an export cannot be written"),
        };
        if !text.is_empty() && !hand_over(Piece::More(text.into()), &sender).await {
            return;
        }
    }
}

async fn finish(document: Document, sender: &Sender<Piece>) {
    match document.end() {
        Ok(text) => {
            hand_over(Piece::Last(text.into()), sender).await;
        }
        Err(error) => tracing::error!(%error, "an export cannot be written"),
    }
}

/// Is false when nobody takes the piece.
async fn hand_over(piece: Piece, sender: &Sender<Piece>) -> bool {
    match timeout(STALLED, sender.send(piece)).await {
        Ok(Ok(())) => true,
        // The client has gone away.
        Ok(Err(_)) => false,
        Err(_) => {
            tracing::warn!("the reader of an export takes nothing any more");
            false
        }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
