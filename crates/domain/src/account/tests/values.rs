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
        ("שלום", "שלום"),
        ("❤\u{fe0f}", "❤\u{fe0f}"),
        ("क्\u{200d}ष", "क्\u{200d}ष"),
        ("🏴\u{e0067}\u{e0062}\u{e007f}", "🏴\u{e0067}\u{e0062}\u{e007f}"),
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
fn a_name_has_no_line_separators_and_no_controls_of_direction() {
    for character in [
        '\u{2028}', '\u{2029}', '\u{61c}', '\u{200e}', '\u{200f}', '\u{202a}', '\u{202b}', '\u{202c}',
        '\u{202d}', '\u{202e}', '\u{2066}', '\u{2067}', '\u{2068}', '\u{2069}',
    ] {
        let text = format!("a{character}b");
        assert_eq!(Nickname::parse(&text), Err(InvalidValue::new(Rule::Characters)), "{text:?}");
        assert_eq!(Nickname::from_stored(&text).unwrap().as_str(), text, "an older name stays readable");
    }
}

#[test]
fn a_name_has_something_to_see() {
    for text in [
        "\u{200b}",
        "\u{3164}",
        "\u{ad}",
        "\u{2800}",
        "\u{115f}",
        "\u{ffa0}",
        "\u{fe0f}",
        "\u{180e}",
        "\u{feff}",
        "\u{2060}",
        "\u{34f}",
        "\u{17b4}",
        "\u{e0061}\u{e007f}",
        "\u{e0100}",
        "\u{1d159}",
        "\u{fffa}",
        "\u{2800} \u{3164}\u{3000}\u{200d}",
    ] {
        assert_eq!(Nickname::parse(text), Err(InvalidValue::new(Rule::NotBlank)), "{text:?}");
        assert_eq!(Nickname::parse(&format!("{text}雁")).unwrap().as_str(), format!("{text}雁"));
    }
}

#[test]
fn a_name_of_the_product_itself_is_reserved_however_it_is_spelled() {
    for text in [
        "已注销",
        " 已注销\u{3000}",
        "已\u{200b}注\u{fe0f}销",
        "\u{3164}已注销\u{2800}",
        "Deleted account",
        "deleted  ACCOUNT",
        "DeletedAccount",
        "Ｄｅｌｅｔｅｄ\u{3000}ａｃｃｏｕｎｔ",
        "𝐃𝐞𝐥𝐞𝐭𝐞𝐝 account",
        "Deleted\u{a0}acc\u{ad}ount",
        "系统消息",
        "系\u{2060}统消息",
    ] {
        assert_eq!(Nickname::parse(text), Err(InvalidValue::new(Rule::NotReserved)), "{text:?}");
        assert!(Nickname::from_stored(text).is_ok());
    }
    for text in ["已注销的人", "Deleted accounts", "系统", "消息"] {
        assert!(Nickname::parse(text).is_ok(), "{text:?}");
    }
}

#[test]
fn uids_that_look_like_the_operators_are_reserved() {
    for text in [
        "admin1",
        "Admin_01",
        "ADMINISTRATOR",
        "system",
        "SystemMessage",
        "weixin_1",
        "WeiXin",
        "hongyan",
        "HongYan-1",
    ] {
        assert!(uid(text).is_reserved(), "{text}");
    }
    for text in ["adm1n_01", "my_admin", "syste_m", "wxid_abc123", "wechat_1", "hongya_n"] {
        assert!(!uid(text).is_reserved(), "{text}");
    }
    assert!((0..=255).all(|byte| !Uid::from_random(&[byte; 16]).is_reserved()));
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

#[test]
fn uids_that_differ_in_case_fold_alike() {
    assert_eq!(Uid::parse("Goose_11").unwrap().folded(), "goose_11");
}
