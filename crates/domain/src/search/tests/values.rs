use super::super::SearchTerm;
use crate::error::{InvalidValue, Rule};
use crate::message::MessageContent;

fn finds(term: &str, text: &str) -> bool {
    SearchTerm::parse(term).unwrap().is_in(&MessageContent::from_stored(text.to_owned()))
}

#[test]
fn a_term_has_one_to_two_hundred_characters_and_no_nul() {
    let length = InvalidValue::new(Rule::Length { min: 1, max: 200 });
    assert_eq!(SearchTerm::parse("").unwrap_err(), length);
    assert_eq!(SearchTerm::parse(&"字".repeat(201)).unwrap_err(), length);
    assert!(SearchTerm::parse(&"字".repeat(200)).is_ok());
    assert_eq!(SearchTerm::parse("\u{fe0f}").unwrap_err(), length, "it is in every text");
    assert_eq!(SearchTerm::parse("a\0").unwrap_err(), InvalidValue::new(Rule::Characters));
    assert!(SearchTerm::parse(" ").is_ok());
}

#[test]
fn a_term_matches_a_substring_in_any_case() {
    for (term, text) in [
        ("的", "我的手机"),
        ("手机", "我的手机"),
        ("今天OK", "今天ok吗"),
        ("hELLO", "say Hello 你好"),
        ("50%", "打折50%哦"),
        ("a_b", "x a_b y"),
        ("\\", "C:\\temp"),
        ("'", "it's"),
        ("\"", "say \"hi\""),
        ("👨‍👩‍👧", "我们 👨‍👩‍👧‍👦"),
        ("👍", "好👍🏽"),
        ("ａｂｃ", "ＡＢＣ"),
        ("İSTANBUL", "i̇stanbul"),
        ("i", "İ"),
        ("STRASSE", "Straße"),
        ("ß", "GROẞ"),
        ("οδος", "ΟΔΟΣ"),
        ("ΟΔΟΣ", "οδος"),
        ("σ", "τέλος"),
        ("Привет", "ПРИВЕТ"),
        ("e\u{301}", "CAFE\u{301}"),
        ("é", "CAFE\u{301}"),
        ("e\u{301}", "café"),
        ("abc", "ＡＢＣ"),
        ("ＡＢＣ", "abc"),
        ("13800138000", "１３８００１３８０００"),
        ("好,", "你好，世界"),
        ("ガギ", "ｶﾞｷﾞ"),
        ("か\u{3099}", "がっこう"),
        ("❤", "我❤\u{fe0f}你"),
        ("❤\u{fe0f}", "我❤你"),
        ("葛", "葛\u{e0100}城"),
        ("1", "①"),
        (" ", "a b"),
        ("\n", "a\nb"),
    ] {
        assert!(finds(term, text), "{term:?} in {text:?}");
    }
}

#[test]
fn wildcards_other_characters_and_other_scripts_differ() {
    for (term, text) in [
        ("%", "100"),
        ("_", "abc"),
        ("a.c", "abc"),
        ("手机", "手 机"),
        ("机手", "手机"),
        ("e", "e\u{301}"),
        ("后", "後"),
        ("简", "簡"),
        ("❤", "💔"),
        ("\\n", "a\nb"),
        ("👍🏿", "👍🏽"),
    ] {
        assert!(!finds(term, text), "{term:?} in {text:?}");
    }
}

#[test]
fn a_term_is_not_printed_by_debug() {
    assert_eq!(format!("{:?}", SearchTerm::parse("secret").unwrap()), "SearchTerm(…)");
}

#[test]
fn a_term_is_looked_for_in_its_folded_form() {
    assert_eq!(SearchTerm::parse("ＨÉ你").unwrap().folded(), SearchTerm::parse("hé你").unwrap().folded());
    assert_eq!(SearchTerm::parse("火锅").unwrap().folded(), "火锅");
}
