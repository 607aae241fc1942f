use super::uid;
use crate::account::{LoginIdentifier, Nickname, PhoneNumber, Uid};
use crate::error::{InvalidValue, Rule};

#[test]
fn a_uid_keeps_its_case() {
    for text in ["abcdef", "A-----", "Z_____", "wxid_abc123", "a2345678901234567890"] {
        assert_eq!(Uid::parse(text).unwrap().as_str(), text);
    }
}

#[test]
fn a_uid_has_6_to_20_allowed_characters_and_starts_with_a_letter() {
    for text in [
        "",
        "abcde",
        "a23456789012345678901",
        "1abcde",
        "_abcde",
        "-abcde",
        "abc def",
        "abcdef ",
        " abcdef",
        "abc.def",
        "abc@def",
        "abc\0def",
        "abcdef\n",
        "微信号微信号",
        "ａｂｃｄｅｆ",
        "abcde\u{e9}",
        "goose😀",
        "abcde\u{301}",
    ] {
        assert_eq!(Uid::parse(text), Err(InvalidValue::new(Rule::Uid)), "{text:?}");
    }
}

#[test]
fn uids_that_differ_only_in_case_find_the_same_account() {
    assert!(uid("Goose_1").is_same_handle(&uid("gOOSE_1")));
    assert!(uid("Goose_1").is_same_handle(&uid("Goose_1")));
    assert!(!uid("Goose_1").is_same_handle(&uid("Goose-1")));
    assert!(!uid("Goose_1").is_same_handle(&uid("Goose_12")));
    assert_ne!(uid("Goose_1"), uid("goose_1"));
}

#[test]
fn a_generated_uid_encodes_the_random_bytes_and_is_valid() {
    let bytes = [0, 1, 25, 26, 31, 32, 63, 64, 255, 128, 7, 8, 9, 10, 11, 12];
    let given = Uid::from_random(&bytes);
    assert_eq!(given.as_str(), "wxid_abz27a7a7ahijkl");
    assert_eq!(Uid::parse(given.as_str()), Ok(given));
}

#[test]
fn every_random_byte_of_a_generated_uid_matters() {
    let given = Uid::from_random(&[0; 16]);
    for place in 0..15 {
        let mut bytes = [0; 16];
        bytes[place] = 1;
        assert_ne!(Uid::from_random(&bytes), given, "byte {place}");
    }
}

#[test]
fn a_name_is_trimmed_and_otherwise_unchanged() {
    for (text, kept) in [
        ("雁", "雁"),
        ("  Ada  Lovelace ", "Ada  Lovelace"),
        ("\u{3000}小明\u{3000}", "小明"),
        ("\u{a0}\u{2003}a\u{2029}\n", "a"),
        ("👨‍👩‍👧‍👦", "👨‍👩‍👧‍👦"),
        ("e\u{301}", "e\u{301}"),
        ("\u{200b}", "\u{200b}"),
        ("\u{202e}שלום", "\u{202e}שלום"),
    ] {
        assert_eq!(Nickname::parse(text).unwrap().as_str(), kept, "{text:?}");
    }
}

#[test]
fn a_name_has_1_to_64_characters_after_trimming() {
    let refused = Err(InvalidValue::new(Rule::Length { min: 1, max: 64 }));
    for text in ["", " ", "\n\t", "\u{3000}"] {
        assert_eq!(Nickname::parse(text), refused, "{text:?}");
    }
    for character in ["a", "名", "😀"] {
        let longest = character.repeat(64);
        assert_eq!(Nickname::parse(&format!(" {longest} ")).unwrap().as_str(), longest);
        assert_eq!(Nickname::parse(&character.repeat(65)), refused, "{character}");
    }
}

#[test]
fn a_name_has_no_control_characters() {
    for text in ["a\0b", "\0", "a\nb", "a\tb", "a\u{1b}[31m", "a\u{7f}", "a\u{9f}b"] {
        assert_eq!(Nickname::parse(text), Err(InvalidValue::new(Rule::Characters)), "{text:?}");
    }
}

#[test]
fn a_phone_number_is_a_one_and_ten_more_digits() {
    for text in ["10000000000", "13800138000", "19999999999"] {
        assert_eq!(PhoneNumber::parse(text).unwrap().as_str(), text);
    }
    for text in [
        "",
        "1380013800",
        "138001380000",
        "23800138000",
        "03800138000",
        "1380013800a",
        "1380013800\n",
        " 13800138000",
        "+8613800138000",
        "138-0013-800",
        "138001380\0\0",
        "1３800138",
        "1٣٣٣٣٣",
    ] {
        let refused = Err(InvalidValue::new(Rule::PhoneNumber));
        assert_eq!(PhoneNumber::parse(text), refused, "{text:?}");
    }
}

#[test]
fn a_phone_number_does_not_reach_the_log() {
    let number = PhoneNumber::parse("13800138000").unwrap();
    assert_eq!(format!("{number:?}"), "PhoneNumber(…)");
    let identifier = format!("{:?}", LoginIdentifier::PhoneNumber(number));
    assert!(!identifier.contains("138"), "{identifier}");
}
