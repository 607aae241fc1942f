use secrecy::SecretString;

use crate::account::{Nickname, Password, PasswordAttempt, PasswordHash, Uid};
use crate::error::{InvalidValue, Rule};

fn parse(text: &str) -> Result<Password, InvalidValue> {
    Password::parse(SecretString::from(text))
}

#[test]
fn a_password_is_any_unicode_and_never_truncated() {
    let longest = "密".repeat(127) + "x";
    for text in [
        "correct horse",
        "\0\u{1}\n\t  ~\u{7f}",
        "        x",
        "鸿雁传书鸿雁传书",
        "😀😁😂😃😄😅😆😇",
        longest.as_str(),
    ] {
        assert_eq!(parse(text).unwrap().expose(), text, "{text:?}");
    }
}

#[test]
fn a_password_has_8_to_128_characters() {
    for pattern in ["ab", "密码", "😀😁"] {
        assert!(parse(&pattern.repeat(4)).is_ok(), "{pattern}");
        assert!(parse(&pattern.repeat(64)).is_ok(), "{pattern}");
        let short: String = pattern.repeat(4).chars().take(7).collect();
        for text in [short, pattern.repeat(64) + "x"] {
            let refused = InvalidValue::new(Rule::Length { min: 8, max: 128 });
            assert_eq!(parse(&text).err(), Some(refused), "{text:?}");
        }
    }
    assert!(parse("").is_err());
}

#[test]
fn a_password_is_measured_and_stored_in_nfkc() {
    // Eight characters as typed are seven once the accent joins its letter.
    assert!(parse("abcdefe\u{301}").is_err());
    assert_eq!(parse("abcdefge\u{301}").unwrap().expose(), "abcdefg\u{e9}");
    // One ligature is eighteen characters, so that a single one is enough and eight are too many.
    assert_eq!(parse("\u{fdfa}").unwrap().expose().chars().count(), 18);
    assert!(parse(&"\u{fdfa}".repeat(8)).is_err());
    assert_eq!(parse("Ｃｏｒｒｅｃｔ１").unwrap().expose(), "Correct1");
}

#[test]
fn a_common_password_is_refused() {
    for text in [
        "12345678",
        "password",
        "PassWord",
        "QWERTYUIOP",
        "5201314520",
        "woaini1314",
        "Iloveyou",
        "Liverpool1",
        "master123",
        "ｐａｓｓｗｏｒｄ",
        "aaaaaaaa",
        "        ",
        "😀😀😀😀😀😀😀😀",
    ] {
        assert_eq!(parse(text).err(), Some(InvalidValue::new(Rule::NotCommon)), "{text:?}");
    }
}

#[test]
fn a_password_that_starts_like_a_common_one_is_accepted() {
    for text in ["passwordse", "password 1", "aaaaaaab", "baaaaaaa", "0012345678"] {
        assert!(parse(text).is_ok(), "{text:?}");
    }
}

#[test]
fn an_attempt_is_any_text() {
    let longest = "x".repeat(200);
    for text in ["", "a", "\0", "password", longest.as_str()] {
        assert_eq!(PasswordAttempt::new(&SecretString::from(text)).expose(), text);
    }
}

#[test]
fn an_attempt_is_normalised_like_a_stored_password() {
    for (chosen, typed) in [("abcdefg\u{e9}", "abcdefge\u{301}"), ("Ｃｏｒｒｅｃｔ１", "Correct1")] {
        let attempt = PasswordAttempt::new(&SecretString::from(typed));
        assert_eq!(parse(chosen).unwrap().expose(), attempt.expose());
    }
}

#[test]
fn a_password_is_neither_the_uid_nor_the_name() {
    let uid = Uid::parse("Goose_2026").unwrap();
    let name = Nickname::parse("Ada Lovelace").unwrap();
    let check = |text: &str| parse(text).unwrap().require_other_than(Some(&uid), Some(&name));
    for text in [
        "Goose_2026",
        "gOOSE_2026",
        "Ｇｏｏｓｅ＿２０２６",
        "Ada Lovelace",
        "ADA  LOVELACE",
        "adalovelace\u{200b}",
    ] {
        assert_eq!(check(text), Err(InvalidValue::new(Rule::NotIdentity)), "{text}");
    }
    for text in ["Goose_20266", "Ada Lovelace!", "correct horse"] {
        assert_eq!(check(text), Ok(()), "{text}");
    }
    assert_eq!(parse("Goose_2026").unwrap().require_other_than(None, None), Ok(()));
}

#[test]
fn hashes_are_equal_if_their_texts_are() {
    let hash = |text: &str| PasswordHash::new(text.to_owned());
    assert_eq!(hash("$2b$one").expose(), "$2b$one");
    assert!(hash("$2b$one") == hash("$2b$one"));
    assert!(hash("$2b$one") != hash("$2b$two"));
}

#[test]
fn no_password_and_no_hash_reaches_the_log() {
    let secret = SecretString::from("correct horse");
    assert_eq!(format!("{:?}", parse("correct horse").unwrap()), "Password(…)");
    for shown in [
        format!("{:?}", PasswordAttempt::new(&secret)),
        format!("{:?}", PasswordHash::new("correct horse".to_owned())),
    ] {
        assert!(shown.contains("Password") && !shown.contains("horse"), "{shown}");
    }
}
