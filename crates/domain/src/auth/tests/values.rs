use super::{ACCESS, SESSION, goose, secret};
use crate::auth::{DeviceName, EndReason, Generation, IdempotencyKey, IssuedTokens, LoggedIn, OpenSession};
use crate::error::{InvalidValue, Rule};
use crate::testing::{at, counted_texts};

#[test]
fn generations_count_up_from_zero() {
    assert_eq!(Generation::FIRST.get(), 0);
    assert_eq!(Generation::FIRST.next(), Generation::new(1));
    assert_eq!(Generation::new(41).next().get(), 42);
    assert_eq!(Generation::new(i32::MAX).next(), Generation::new(i32::MAX));
}

#[test]
fn a_generation_is_only_behind_later_ones() {
    for (older, newer, distance) in [
        (0, 0, Some(0)),
        (0, 1, Some(1)),
        (3, 10, Some(7)),
        (1, 0, None),
        (10, 3, None),
        (i32::MIN, i32::MAX, None),
        (i32::MAX, i32::MIN, None),
    ] {
        let behind = Generation::new(older).behind(Generation::new(newer));
        assert_eq!(behind, distance, "{older} behind {newer}");
    }
}

#[test]
fn a_device_name_is_the_printable_part_of_its_header() {
    for (header, name) in [
        ("", ""),
        ("Mozilla/5.0 (X11; Linux)", "Mozilla/5.0 (X11; Linux)"),
        ("  curl/8.5 \t", "curl/8.5"),
        ("a\0b\u{1b}[31mc\r\nd\u{7f}\u{9f}", "ab[31mcd"),
        ("鸿雁 客户端 😀", "鸿雁 客户端 😀"),
        ("e\u{301}", "e\u{301}"),
    ] {
        assert_eq!(DeviceName::from_user_agent(header).as_str(), name, "{header:?}");
    }
    assert_eq!(DeviceName::default().as_str(), "");
}

#[test]
fn a_device_name_is_truncated_after_128_characters() {
    for character in ["a", "雁", "😀"] {
        let longest = character.repeat(128);
        assert_eq!(DeviceName::from_user_agent(&longest).as_str(), longest);
        assert_eq!(DeviceName::from_user_agent(&character.repeat(129)).as_str(), longest);
    }
    let cut = DeviceName::from_user_agent(&("\u{1}".to_owned() + &"a".repeat(128)));
    assert_eq!(cut.as_str(), "a".repeat(128));
}

#[test]
fn no_token_reaches_the_log() {
    let tokens =
        IssuedTokens { access: secret("acc-token"), refresh: secret("ref-token"), expires_in: ACCESS };
    let issued = format!("{tokens:?}");
    let logged_in = format!("{:?}", LoggedIn { user: goose(), tokens });
    for shown in [issued, logged_in] {
        assert!(shown.contains("IssuedTokens"), "{shown}");
        for hidden in ["acc-token", "ref-token", "13800138000"] {
            assert!(!shown.contains(hidden), "{shown}");
        }
    }
}

#[test]
fn an_idempotency_key_has_1_to_128_visible_ascii_characters() {
    let longest = "k".repeat(128);
    for key in ["1", "!~", "8e03978e-40d5-43dd-bc93-6894a57f9324", longest.as_str()] {
        assert_eq!(IdempotencyKey::parse(key).unwrap().as_str(), key);
    }
    let refused = |rule| Err(InvalidValue::new(rule));
    for key in ["", &"k".repeat(129)] {
        assert_eq!(IdempotencyKey::parse(key), refused(Rule::Length { min: 1, max: 128 }), "{key}");
    }
    for key in [" ", "a b", "a\t", "\u{7f}", "雁", "\0"] {
        assert_eq!(IdempotencyKey::parse(key), refused(Rule::Characters), "{key:?}");
    }
}

#[test]
fn each_reason_for_the_end_of_a_session_has_its_stored_name() {
    for (reason, name) in [
        (EndReason::Logout, "logout"),
        (EndReason::EndedByOwner, "ended_by_owner"),
        (EndReason::PasswordChange, "password_change"),
        (EndReason::RefreshTokenTheft, "refresh_token_theft"),
        (EndReason::AccountErased, "account_erased"),
        (EndReason::AccountDisabled, "account_disabled"),
        (EndReason::PasswordReset, "password_reset"),
        (EndReason::EndedByOperator, "ended_by_operator"),
    ] {
        assert_eq!(reason.name(), name);
    }
}

#[test]
fn the_size_of_an_answer_counts_the_names_of_devices() {
    let device = DeviceName::from_user_agent("Amings phone");
    let session = OpenSession { id: SESSION, device, created_at: at(0), last_used_at: at(1) };
    assert_eq!(counted_texts(&session), ["Amings phone"]);
}
