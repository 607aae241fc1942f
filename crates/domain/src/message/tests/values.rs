use super::content;
use crate::error::{InvalidValue, Rule};
use crate::id::ConversationId;
use crate::message::{ClientMessageId, MessageBody, MessageContent, MessageId, MessageState, Seq};

const CONVERSATION: &str = "01890a5d-ac96-574b-bcce-b302099a8057";

#[test]
fn a_position_is_a_whole_number_that_json_carries_exactly() {
    for number in [0, 1, 9_007_199_254_740_991] {
        assert_eq!(Seq::parse(number).map(Seq::get), Ok(number));
    }
    for number in [-1, i64::MIN, 9_007_199_254_740_992, i64::MAX] {
        let refused = InvalidValue::new(Rule::Range { min: 0, max: 9_007_199_254_740_991 });
        assert_eq!(Seq::parse(number), Err(refused));
    }
}

#[test]
fn positions_count_from_one() {
    assert_eq!(Seq::NONE.get(), 0);
    assert_eq!(Seq::NONE.next(), Seq::new(1));
    assert_eq!(Seq::new(41).next(), Seq::new(42));
    assert!(Seq::new(41) < Seq::new(42));
}

#[test]
fn a_message_id_round_trips_through_its_text() {
    for seq in [1, 10, 907, i64::MAX] {
        let text = format!("{CONVERSATION}-{seq}");
        let id = MessageId::parse(&text).unwrap();
        assert_eq!(id.seq, Seq::new(seq));
        assert_eq!(id.conversation, ConversationId::parse(CONVERSATION).unwrap());
        assert_eq!(id.to_string(), text);
    }
}

#[test]
fn a_message_id_has_exactly_one_spelling() {
    let endings =
        ["", "-", "-0", "-01", "-+1", "--1", "-1 ", "- 1", "-1a", "-1.0", "-１", "-9223372036854775808", "1"];
    let whole =
        ["", "1", "-1", "message", &CONVERSATION.to_uppercase(), "01890a5dac96574bbcceb302099a8057-1"];
    let upper = format!("{}-1", CONVERSATION.to_uppercase());
    let padded = format!(" {CONVERSATION}-1");
    let texts = endings.map(|ending| format!("{CONVERSATION}{ending}"));
    for text in texts.iter().map(String::as_str).chain(whole).chain([upper.as_str(), padded.as_str()]) {
        assert_eq!(MessageId::parse(text), Err(InvalidValue::new(Rule::Id)), "{text:?}");
    }
}

#[test]
fn a_text_is_kept_exactly_as_sent() {
    for text in [
        "a",
        " a ",
        "你好，世界",
        "line\r\nline\ttab\u{1b}",
        "👨‍👩‍👧‍👦🇨🇳👍🏿",
        "e\u{301} is not \u{e9}",
        "\u{202e}שלום",
        "\u{301}",
        "\u{200b}",
        "\u{1}",
        "\u{feff}",
    ] {
        let content = MessageContent::parse(text.to_owned()).unwrap();
        assert_eq!(content.as_str(), text);
        assert_eq!(content.into_inner(), text);
    }
}

#[test]
fn a_text_has_1_to_5000_characters() {
    let refused = Err(InvalidValue::new(Rule::Length { min: 1, max: 5000 }));
    assert_eq!(MessageContent::parse(String::new()), refused);
    for character in ["a", "字", "😀"] {
        let longest = character.repeat(5000);
        assert_eq!(content(&longest).as_str(), longest);
        assert_eq!(MessageContent::parse(character.repeat(5001)), refused, "{character}");
    }
}

#[test]
fn a_text_of_only_white_space_is_refused() {
    for text in [" ", "\n", "\t \r\n", "\u{a0}", "\u{3000}\u{3000}", "\u{2003}\u{2028}", "\u{85}"] {
        let refused = Err(InvalidValue::new(Rule::NotBlank));
        assert_eq!(MessageContent::parse(text.to_owned()), refused, "{text:?}");
    }
}

#[test]
fn a_text_contains_no_nul() {
    for text in ["\0", "a\0", "\0a", "你\0好"] {
        let refused = Err(InvalidValue::new(Rule::Characters));
        assert_eq!(MessageContent::parse(text.to_owned()), refused, "{text:?}");
    }
}

#[test]
fn a_stored_text_is_not_validated() {
    assert_eq!(MessageContent::from_stored("  ".to_owned()).as_str(), "  ");
}

#[test]
fn a_text_does_not_reach_the_log() {
    assert_eq!(format!("{:?}", content("my secret")), "MessageContent(…)");
}

#[test]
fn a_client_message_id_has_1_to_64_characters() {
    let refused = Err(InvalidValue::new(Rule::Length { min: 1, max: 64 }));
    assert_eq!(ClientMessageId::parse(String::new()), refused);
    for character in ["a", "键", "😀", " "] {
        let longest = character.repeat(64);
        let key = ClientMessageId::parse(longest.clone()).unwrap();
        assert_eq!((key.as_str(), key.clone().into_inner()), (longest.as_str(), longest.clone()));
        assert_eq!(ClientMessageId::parse(character.repeat(65)), refused, "{character:?}");
    }
    assert_eq!(ClientMessageId::parse("1".to_owned()).unwrap().as_str(), "1");
}

#[test]
fn a_client_message_id_contains_no_nul() {
    for text in ["\0", "a\0b"] {
        let refused = Err(InvalidValue::new(Rule::Characters));
        assert_eq!(ClientMessageId::parse(text.to_owned()), refused, "{text:?}");
    }
}

#[test]
fn only_a_visible_message_has_a_text() {
    let visible = MessageState::Visible(MessageBody::Text(content("你好")));
    assert!(!visible.is_recalled() && MessageState::Recalled.is_recalled());
    assert_eq!(visible.text(), Some(&content("你好")));
    assert_eq!(visible.into_text().map(MessageContent::into_inner).as_deref(), Some("你好"));
    assert_eq!((MessageState::Recalled.text(), MessageState::Recalled.into_text()), (None, None));
}
