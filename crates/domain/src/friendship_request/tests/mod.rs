mod decisions;
mod service;

use std::time::Duration;

use super::{Answer, FriendshipRequestError, RequestPageRequest, RequestStatus, VerificationMessage};
use crate::error::{ErrorKind, InvalidValue, PortError, Rule};
use crate::testing::assert_catalogue;

#[test]
fn a_verification_message_is_stored_exactly_as_sent() {
    for text in ["", " ", " 我是小明 ", "line\nline", "👋🏽", "e\u{301}", "\u{7f}", "\u{202e}שלום"]
    {
        assert_eq!(VerificationMessage::parse(text).unwrap().as_str(), text, "{text:?}");
    }
    assert_eq!(VerificationMessage::default().as_str(), "");
}

#[test]
fn a_verification_message_has_at_most_128_characters() {
    let too_long = Err(InvalidValue::new(Rule::Length { min: 0, max: 128 }));
    for character in ["a", "请", "😀"] {
        let longest = character.repeat(128);
        assert_eq!(VerificationMessage::parse(&longest).unwrap().as_str(), longest);
        assert_eq!(VerificationMessage::parse(&character.repeat(129)), too_long, "{character}");
    }
}

#[test]
fn a_verification_message_must_not_contain_nul() {
    for text in ["\0", "hi\0", "\0hi"] {
        let refused = Err(InvalidValue::new(Rule::Characters));
        assert_eq!(VerificationMessage::parse(text), refused, "{text:?}");
    }
}

#[test]
fn an_answer_is_accepted_or_rejected() {
    assert_eq!(Answer::parse("accepted"), Ok(Answer::Accept));
    assert_eq!(Answer::parse("rejected"), Ok(Answer::Reject));
    for word in ["", "Accepted", "accepted ", "accept", "pending", "expired", "canceled", "同意"] {
        let refused = InvalidValue::new(Rule::OneOf(&["accepted", "rejected"]));
        assert_eq!(Answer::parse(word), Err(refused), "{word:?}");
    }
}

#[test]
fn each_status_is_found_by_its_name() {
    use RequestStatus::{Accepted, Canceled, Expired, Pending, Rejected};
    for (status, name) in [
        (Pending, "pending"),
        (Accepted, "accepted"),
        (Rejected, "rejected"),
        (Expired, "expired"),
        (Canceled, "canceled"),
    ] {
        assert_eq!((status.name(), RequestStatus::from_name(name)), (name, Some(status)));
    }
    assert_eq!(RequestStatus::from_name("Pending"), None);
}

#[test]
fn a_list_of_requests_has_up_to_a_thousand_rows() {
    assert_eq!(RequestPageRequest::default().limit.get(), 1000);
}

#[test]
fn each_error_has_its_class_and_name() {
    const WAIT: Duration = Duration::from_secs(5);
    use FriendshipRequestError as Error;
    assert_catalogue([
        (Error::SelfTarget, ErrorKind::Invalid, "cannot_befriend_oneself"),
        (Error::UnknownUser, ErrorKind::Invalid, "unknown_user"),
        (Error::AlreadyFriends, ErrorKind::Conflict, "already_friends"),
        (Error::AlreadyPending, ErrorKind::Conflict, "request_already_pending"),
        (Error::Blocked, ErrorKind::Conflict, "blocked"),
        (Error::TooManyPending, ErrorKind::Conflict, "pending_request_limit_reached"),
        (Error::QuotaUsedUp(WAIT), ErrorKind::Throttled { retry_after: WAIT }, "request_quota_used_up"),
        (
            Error::PairQuotaUsedUp(WAIT),
            ErrorKind::Throttled { retry_after: WAIT },
            "pair_request_quota_used_up",
        ),
        (Error::TooManyFriends, ErrorKind::Conflict, "friend_limit_reached"),
        (Error::OtherHasTooManyFriends, ErrorKind::Conflict, "friend_limit_of_other_reached"),
        (Error::UnknownRequest, ErrorKind::Invalid, "unknown_request"),
        (Error::AlreadyAnswered, ErrorKind::Conflict, "request_already_answered"),
        (Error::Expired, ErrorKind::Conflict, "request_expired"),
        (PortError::internal("broken").into(), ErrorKind::Internal, "internal_error"),
    ]);
}

#[test]
fn a_verification_message_is_not_printed() {
    let message = VerificationMessage::parse("canary").unwrap();
    assert_eq!(format!("{message:?}"), "VerificationMessage(…)");
}
