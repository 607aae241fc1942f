use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use domain::account::{DisplayName, Nickname, Uid, User};
use domain::error::PortError;
use domain::export::{ExportPart, ExportedConversation, ExportedMessage, MockExportReader};
use domain::friendship::Remark;
use domain::friendship_request::Direction;
use domain::id::ConversationId;
use domain::message::{ClientMessageId, Message, MessageBody, MessageContent, MessageId, MessageState, Seq};
use domain::testing::{at, user};
use futures_util::StreamExt;
use serde_json::Value;
use uuid::Uuid;

use super::*;

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
    let message = |seq| ExportedMessage {
        message: Message {
            id: MessageId { conversation: CONVERSATION, seq: Seq::new(seq) },
            sender_id: user(1),
            state: MessageState::Visible(MessageBody::Text(MessageContent::from_stored(format!(
                "第 {seq} 条\n\"\\\u{1}🪿"
            )))),
            created_at: at(seq),
        },
        client_message_id: (seq == 1).then(|| ClientMessageId::parse("key".to_owned()).unwrap()),
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

/// Lets all other tasks run until they wait.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[actix_web::test]
async fn the_reader_is_at_most_two_parts_ahead_of_the_client() {
    let reads = Arc::new(AtomicUsize::new(0));
    let reader = Box::new(EndlessReader { reads: Arc::clone(&reads) });
    let mut body = Box::pin(start(reader, Language::Chinese));
    settle().await;
    assert_eq!(reads.load(Ordering::SeqCst), 2, "one chunk in the channel and one in the task");
    for taken in 1..1000 {
        body.next().await.unwrap().unwrap();
        settle().await;
        assert_eq!(reads.load(Ordering::SeqCst), taken + 2);
    }
    drop(body);
    settle().await;
    assert_eq!(Arc::strong_count(&reads), 1, "a disconnect ends the task");
}

#[actix_web::test]
async fn an_export_that_fails_midway_ends_with_an_error() {
    let mut reader = MockExportReader::new();
    let mut parts = vec![Ok(Some(messages(1..2))), Ok(Some(conversation())), Ok(Some(account()))];
    reader
        .expect_next()
        .returning(move || parts.pop().unwrap_or_else(|| Err(PortError::internal("the database is gone"))));
    let chunks: Vec<_> = start(Box::new(reader), Language::Chinese).collect().await;
    assert_eq!(chunks.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, true, true, false]);
}

#[actix_web::test]
async fn a_complete_export_ends_without_an_error() {
    let mut reader = MockExportReader::new();
    let mut parts = vec![None, Some(account())];
    reader.expect_next().times(2).returning(move || Ok(parts.pop().unwrap()));
    let chunks: Vec<_> = start(Box::new(reader), Language::Chinese).collect().await;
    let text: Vec<u8> = chunks.into_iter().flat_map(|chunk| chunk.unwrap().to_vec()).collect();
    let value: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(value["data"]["account"]["uid"], "goose_11");
}

#[actix_web::test]
async fn a_client_that_stops_reading_loses_the_export() {
    tokio::time::pause();
    let reads = Arc::new(AtomicUsize::new(0));
    let reader = Box::new(EndlessReader { reads: Arc::clone(&reads) });
    let body = start(reader, Language::Chinese);
    settle().await;
    actix_web::rt::time::sleep(STALL_TIMEOUT + Duration::from_secs(1)).await;
    settle().await;
    assert_eq!(Arc::strong_count(&reads), 1, "the database connection is released");
    let chunks: Vec<_> = body.collect().await;
    assert_eq!(
        chunks.iter().map(Result::is_ok).collect::<Vec<_>>(),
        [true, false],
        "the body ends with an error"
    );
}
