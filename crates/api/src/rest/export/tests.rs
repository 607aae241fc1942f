use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use domain::account::{DisplayName, Nickname, Uid, User};
use domain::error::PortError;
use domain::export::{ExportPart, ExportedConversation, MockExportReader};
use domain::friendship::Remark;
use domain::friendship_request::Direction;
use domain::id::ConversationId;
use domain::message::{ClientMessageId, Message, MessageBody, MessageContent, MessageId, MessageState, Seq};
use domain::testing::{at, user};
use futures_util::StreamExt;
use serde_json::Value;
use uuid::Uuid;

use super::*;
use crate::admission::Bulkheads;

const CONVERSATION: ConversationId = ConversationId::from_uuid(Uuid::from_u128(9));

fn account() -> ExportPart {
    ExportPart::Account(User {
        id: user(1),
        uid: Uid::parse("goose_11").unwrap(),
        name: Nickname::parse("雁 \"quoted\"").unwrap(),
        phone_number: None,
        created_at: at(0),
    })
}

fn conversation() -> ExportPart {
    ExportPart::Conversation(ExportedConversation {
        id: CONVERSATION,
        friend_id: user(2),
        friend_name: DisplayName::Erased,
        remark: Remark::default(),
        is_friend: false,
        read_seq: Seq::new(1),
        last_seq: Seq::new(3),
        pinned: true,
        muted: false,
        hidden: false,
    })
}

fn messages(places: std::ops::Range<i64>) -> ExportPart {
    let message = |seq| Message {
        id: MessageId { conversation: CONVERSATION, seq: Seq::new(seq) },
        sender_id: user(1),
        state: MessageState::Visible(MessageBody::Text(MessageContent::from_stored(format!(
            "第 {seq} 条\n\"\\\u{1}🪿"
        )))),
        client_message_id: (seq == 1).then(|| ClientMessageId::parse("key".to_owned()).unwrap()),
        created_at: at(seq),
    };
    ExportPart::Messages(places.map(message).collect())
}

fn written(parts: Vec<ExportPart>) -> Value {
    let mut document = ExportWriter::new(Language::English);
    let mut text = Vec::new();
    for part in parts {
        text.extend(document.part(part).unwrap());
    }
    text.extend(document.end().unwrap());
    serde_json::from_slice(&text)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&text)))
}

#[test]
fn an_empty_account_is_written_with_empty_lists() {
    let value = written(vec![account()]);
    assert_eq!((&value["code"], &value["message"]), (&Value::from(200), &Value::from("Success")));
    let fields: Vec<&String> = value["data"].as_object().unwrap().keys().collect();
    assert_eq!(fields.len(), 7);
    assert_eq!(value["data"]["account"]["name"], "雁 \"quoted\"");
    for (name, field) in value["data"].as_object().unwrap() {
        assert!(name == "account" || field.as_array().unwrap().is_empty(), "{name}");
    }
}

#[test]
fn parts_of_a_list_are_joined_and_empty_parts_are_invisible() {
    let value = written(vec![
        account(),
        ExportPart::Sessions(vec![]),
        ExportPart::Requests(Direction::Received, vec![]),
        ExportPart::Requests(Direction::Sent, vec![]),
        conversation(),
        messages(0..0),
        conversation(),
        messages(1..3),
        messages(3..3),
        messages(3..4),
        conversation(),
    ]);
    let conversations = value["data"]["conversations"].as_array().unwrap();
    let counts: Vec<usize> =
        conversations.iter().map(|conversation| conversation["messages"].as_array().unwrap().len()).collect();
    assert_eq!(counts, [0, 3, 0]);
    assert_eq!(conversations[1]["friend_name"], "Deleted account");
    let first = &conversations[1]["messages"][0];
    assert_eq!(
        (&first["content"], &first["client_message_id"]),
        (&"第 1 条\n\"\\\u{1}🪿".into(), &"key".into())
    );
    assert_eq!(conversations[1]["messages"][2]["client_message_id"], Value::Null);
}

/// An endless export that counts its reads.
struct EndlessReader {
    reads: Arc<AtomicUsize>,
}

#[async_trait]
impl ExportReader for EndlessReader {
    async fn next(&mut self) -> Result<Option<ExportPart>, PortError> {
        let number = self.reads.fetch_add(1, Ordering::SeqCst);
        Ok(Some(match number {
            0 => account(),
            1 => conversation(),
            _ => messages(1..2),
        }))
    }
}

/// An admitted export of an account of its own.
async fn running(reader: Box<dyn ExportReader>) -> RunningExport {
    RunningExport { reader, pass: Bulkheads::default().export(user(1)).await.unwrap() }
}

/// An endless export that begins to fill a spool of this size.
async fn endless(capacity: u64) -> (Arc<AtomicUsize>, impl Stream<Item = Result<Bytes, ExportAborted>>) {
    let reads = Arc::new(AtomicUsize::new(0));
    let reader = Box::new(EndlessReader { reads: Arc::clone(&reads) });
    (reads, start_with(running(reader).await, Language::Chinese, capacity))
}

/// The number of reads once it does not grow any more.
async fn settled(reads: &AtomicUsize) -> usize {
    let mut last = 0;
    loop {
        sleep(Duration::from_millis(100)).await;
        let now = reads.load(Ordering::SeqCst);
        if now == last && now > 0 {
            return now;
        }
        last = now;
    }
}

async fn until_released(reads: &Arc<AtomicUsize>) {
    while Arc::strong_count(reads) > 1 {
        sleep(Duration::from_millis(1)).await;
    }
}

#[actix_web::test]
async fn the_snapshot_is_read_ahead_of_the_client_up_to_the_spools_size() {
    let (reads, body) = endless(10_000).await;
    let mut body = Box::pin(body);
    let first = settled(&reads).await;
    assert!((20..100).contains(&first), "{first} parts of some 200 bytes fill 10,000 bytes");
    let taken = body.next().await.unwrap().unwrap().len();
    let second = settled(&reads).await;
    assert!(
        (9_000..=10_000).contains(&taken) && second > first && second < 2 * first + 9,
        "{first} {second}"
    );
    drop(body);
    until_released(&reads).await;
}

#[actix_web::test]
async fn an_export_that_fails_midway_ends_with_an_error() {
    let mut reader = MockExportReader::new();
    let mut parts = vec![Ok(Some(messages(1..2))), Ok(Some(conversation())), Ok(Some(account()))];
    reader
        .expect_next()
        .returning(move || parts.pop().unwrap_or_else(|| Err(PortError::internal("the database is gone"))));
    let chunks: Vec<_> = start(running(Box::new(reader)).await, Language::Chinese).collect().await;
    assert!(chunks.last().is_some_and(Result::is_err), "{chunks:?}");
}

#[actix_web::test]
async fn a_complete_export_ends_without_an_error() {
    let mut reader = MockExportReader::new();
    let mut parts = vec![None, Some(account())];
    reader.expect_next().times(2).returning(move || Ok(parts.pop().unwrap()));
    let chunks: Vec<_> = start(running(Box::new(reader)).await, Language::Chinese).collect().await;
    let text: Vec<u8> = chunks.into_iter().flat_map(|chunk| chunk.unwrap().to_vec()).collect();
    let value: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(value["data"]["account"]["uid"], "goose_11");
}

#[actix_web::test]
async fn a_client_that_stops_reading_loses_the_export() {
    let (reads, body) = endless(10_000).await;
    settled(&reads).await;
    tokio::time::pause();
    sleep(STALL_TIMEOUT + Duration::from_secs(1)).await;
    until_released(&reads).await;
    let chunks: Vec<_> = body.collect().await;
    assert_eq!(chunks.iter().map(Result::is_ok).collect::<Vec<_>>(), [false], "the body ends with an error");
}

#[actix_web::test]
async fn a_client_that_reads_nothing_of_a_complete_export_loses_it() {
    let admission = Bulkheads::default();
    let mut reader = MockExportReader::new();
    let mut parts = vec![None, Some(account())];
    reader.expect_next().times(2).returning(move || Ok(parts.pop().unwrap()));
    let export = RunningExport { reader: Box::new(reader), pass: admission.export(user(1)).await.unwrap() };
    let body = start(export, Language::Chinese);
    assert_eq!(admission.export(user(1)).await.err().unwrap().name(), "export_in_progress");
    sleep(Duration::from_millis(100)).await;
    tokio::time::pause();
    sleep(STALL_TIMEOUT + Duration::from_secs(1)).await;
    while admission.export(user(1)).await.is_err() {
        sleep(Duration::from_millis(1)).await;
    }
    let chunks: Vec<_> = body.collect().await;
    assert_eq!(chunks.iter().map(Result::is_ok).collect::<Vec<_>>(), [false], "the body ends with an error");
}
