//! The JSON of a page of messages, written by hand: serde escapes each name, id and time of fifty messages, which takes four times as
//! long. The form is that of [`MessageItem`](super::messages::MessageItem); a test compares the two.

use domain::message::{ClientMessageId, Message, MessageContent};
use serde_json::{Result, to_writer};

use crate::response::timestamp::append_timestamp;

/// Bytes of a message without its text and key, and of the fields before the messages of a page, about.
const OTHER_BYTES: usize = 270;
const BYTES_BEFORE: usize = 700;

/// An empty body with room for a page of these messages.
pub(super) fn body_for(messages: &[Message]) -> Vec<u8> {
    let texts = messages.iter().filter_map(|message| message.state.text()).map(|text| text.as_str().len());
    Vec::with_capacity(BYTES_BEFORE + OTHER_BYTES * messages.len() + texts.sum::<usize>())
}

/// Appends the messages, separated by commas.
///
/// # Errors
/// None occurs: a text always has a JSON form.
pub(super) fn append_messages(out: &mut Vec<u8>, messages: &[Message]) -> Result<()> {
    for (place, message) in messages.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        append_message(out, message)?;
    }
    Ok(())
}

fn append_message(out: &mut Vec<u8>, message: &Message) -> Result<()> {
    // Ids, numbers and times have no character that JSON escapes.
    let mut id = [0; 36];
    let seq = message.id.seq.get();
    out.extend_from_slice(br#"{"message_id":""#);
    out.extend_from_slice(message.id.conversation.as_uuid().hyphenated().encode_lower(&mut id).as_bytes());
    out.push(b'-');
    to_writer(&mut *out, &seq)?;
    out.extend_from_slice(br#"","seq":"#);
    to_writer(&mut *out, &seq)?;
    out.extend_from_slice(br#","sender_id":""#);
    out.extend_from_slice(message.sender_id.as_uuid().hyphenated().encode_lower(&mut id).as_bytes());
    out.extend_from_slice(br#"","client_message_id":"#);
    to_writer(&mut *out, &message.client_message_id.as_ref().map(ClientMessageId::as_str))?;
    out.extend_from_slice(br#","content":"#);
    to_writer(&mut *out, &message.state.text().map(MessageContent::as_str))?;
    out.extend_from_slice(br#","recalled":"#);
    to_writer(&mut *out, &message.state.is_recalled())?;
    out.extend_from_slice(br#","created_at":""#);
    append_timestamp(out, message.created_at);
    out.extend_from_slice(br#""}"#);
    Ok(())
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use domain::id::{ConversationId, UserId};
    use domain::message::{MessageBody, MessageId, MessageState, Seq};
    use uuid::Uuid;

    use super::*;
    use crate::rest::messages::MessageItem;

    fn message(seq: i64, text: Option<&str>, key: Option<&str>) -> Message {
        let id = |number: u128| Uuid::from_u128(u128::MAX / number);
        let body = |text: &str| MessageBody::Text(MessageContent::from_stored(text.to_owned()));
        Message {
            id: MessageId { conversation: ConversationId::from_uuid(id(3)), seq: Seq::new(seq) },
            sender_id: UserId::from_uuid(id(7)),
            state: text.map_or(MessageState::Recalled, |text| MessageState::Visible(body(text))),
            client_message_id: key.map(|key| ClientMessageId::from_stored(key.to_owned())),
            created_at: DateTime::from_timestamp_millis(1_795_000_000_000 + seq % 100_000_000_000).unwrap(),
        }
    }

    #[test]
    fn a_page_of_messages_has_the_form_of_each_message_alone() {
        let every_ascii: String = (1..=127).map(char::from).collect();
        let mut messages = vec![message(1, None, None), message(Seq::MAX.get(), None, Some("k"))];
        for text in [
            "你好",
            "\u{7f}\u{80}\u{2028}\u{2029}\u{feff}",
            "🪿\\\"</script>\r\n\t\u{8}\u{c}",
            &every_ascii,
            "\0",
        ] {
            messages.push(message(10, Some(text), None));
            messages.push(message(1_234_567, Some("x"), Some(text)));
        }
        let mut page = b"[".to_vec();
        append_messages(&mut page, &messages).unwrap();
        page.push(b']');
        let items: Vec<MessageItem> = messages.into_iter().map(MessageItem::from).collect();
        assert_eq!(String::from_utf8(page).unwrap(), serde_json::to_string(&items).unwrap());
    }

    #[test]
    fn a_page_of_plain_messages_fits_the_room_made_for_it() {
        let messages: Vec<Message> = (1..=100).map(|seq| message(seq, Some("hello 你好"), None)).collect();
        let mut body = body_for(&messages);
        let room = body.capacity();
        body.extend_from_slice(&[b' '; BYTES_BEFORE]);
        append_messages(&mut body, &messages).unwrap();
        assert!(body.len() <= room, "{} of {room}", body.len());
        assert!(body.len() > room / 2, "{} of {room}", body.len());
    }
}
