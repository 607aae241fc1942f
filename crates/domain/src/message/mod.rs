//! Messages: idempotent sending, recall for both members, deletion for one of them.

mod draft;
mod error;
mod model;
mod ports;
mod service;
mod state;
#[cfg(test)]
mod tests;

pub use draft::{
    Draft, ExistingMessage, SendDecision, SendOutcome, SendRefusal, SentMessage, SpentQuota, decide_send,
};
pub use error::MessageError;
pub use model::{
    ClientMessageId, Message, MessageId, MessagePosition, RecallDecision, RecallRefusal, Recallable, Seq,
    decide_recall,
};
pub use ports::{MessageRepository, RecallOutcome, SendQuota};
#[cfg(any(test, feature = "test-support"))]
pub use ports::{MockMessageRepository, MockSendQuota};
pub use service::MessageService;
pub use state::{MessageBody, MessageContent, MessageState};
