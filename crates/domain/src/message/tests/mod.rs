mod decisions;
mod service;
mod values;

use super::{MessageBody, MessageContent, MessageError};
use crate::error::{ErrorKind, PortError};
use crate::testing::assert_catalogue;

fn content(text: &str) -> MessageContent {
    MessageContent::parse(text.to_owned()).unwrap()
}

fn text(text: &str) -> MessageBody {
    MessageBody::Text(content(text))
}

#[test]
fn each_error_has_its_kind_and_name() {
    const WAIT: std::time::Duration = std::time::Duration::from_secs(5);
    assert_catalogue([
        (MessageError::SelfTarget, ErrorKind::Invalid, "cannot_message_oneself"),
        (MessageError::NotFriends, ErrorKind::Conflict, "not_friends"),
        (MessageError::Blocked, ErrorKind::Conflict, "blocked"),
        (MessageError::IdempotencyConflict, ErrorKind::Conflict, "idempotency_conflict"),
        (
            MessageError::QuotaUsedUp(WAIT),
            ErrorKind::Throttled { retry_after: WAIT },
            "message_quota_used_up",
        ),
        (
            MessageError::VolumeUsedUp(WAIT),
            ErrorKind::Throttled { retry_after: WAIT },
            "message_volume_used_up",
        ),
        (MessageError::UnknownMessage, ErrorKind::Invalid, "unknown_message"),
        (MessageError::RecallWindowOver, ErrorKind::Conflict, "recall_window_over"),
        (PortError::internal("broken").into(), ErrorKind::Internal, "internal_error"),
    ]);
}
