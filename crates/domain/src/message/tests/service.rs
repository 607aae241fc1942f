use std::sync::Arc;
use std::time::Duration;

use mockall::predicate::eq;
use pollster::block_on;

use super::text;
use crate::conversation::{Directed, Pair};
use crate::error::{DomainError, ErrorKind};
use crate::message::{
    ClientMessageId, Draft, MessageId, MessageService, MockMessageRepository, MockSendQuota, RecallDecision,
    RecallOutcome, RecallRefusal, SendOutcome, SendRefusal, SentMessage, Seq, SpentQuota,
};
use crate::testing::{assert_fault, at, fault, refusal, user};

const WINDOW: Duration = Duration::from_secs(120);

fn service(prepare: impl FnOnce(&mut MockMessageRepository)) -> MessageService {
    let mut messages = MockMessageRepository::new();
    prepare(&mut messages);
    MessageService::new(Arc::new(messages), WINDOW, None)
}

fn message() -> MessageId {
    let pair = Pair::new(user(1), user(2)).unwrap();
    MessageId { conversation: pair.conversation_id(), seq: Seq::new(8) }
}

fn sent_message() -> SentMessage {
    SentMessage { id: message(), created_at: at(8) }
}

#[test]
fn a_message_is_stored_once_with_its_sender_text_and_key() {
    let key = Some(ClientMessageId::parse("key".to_owned()).unwrap());
    for (caller, receiver) in [(user(1), user(2)), (user(2), user(1))] {
        for client_message_id in [None, key.clone()] {
            let draft = Draft {
                from: Directed::new(caller, receiver).unwrap(),
                body: text("你好"),
                client_message_id: client_message_id.clone(),
                over_quota: None,
            };
            let service = service(|messages| {
                let expected = messages.expect_send().with(eq(draft));
                expected.once().returning(|_| Ok(SendOutcome::Sent(sent_message())));
            });
            let sent = block_on(service.send(caller, receiver, text("你好"), client_message_id));
            assert_eq!(sent.unwrap(), sent_message());
        }
    }
}

#[test]
fn a_user_cannot_write_to_itself() {
    let service = service(|_| {});
    let sent = block_on(service.send(user(1), user(1), text("hi"), None));
    assert_eq!(refusal(sent), Some("cannot_message_oneself"));
}

#[test]
fn a_message_beyond_the_senders_quota_is_not_stored() {
    let wait = Duration::from_secs(12);
    for (spent, name) in [
        (SpentQuota::Messages(wait), "message_quota_used_up"),
        (SpentQuota::Bytes(wait), "message_volume_used_up"),
    ] {
        let (mut messages, mut quota) = (MockMessageRepository::new(), MockSendQuota::new());
        messages.expect_send().once().returning(|_| Ok(SendOutcome::Sent(sent_message())));
        let mut left = 1;
        quota.expect_spend().with(eq(user(1)), eq("你好".len())).times(2).returning(move |_, _| {
            left -= 1;
            if left >= 0 { Ok(()) } else { Err(spent) }
        });
        let service = MessageService::new(Arc::new(messages), WINDOW, Some(Arc::new(quota)));
        let send = |receiver| block_on(service.send(user(1), receiver, text("你好"), None));
        assert_eq!(refusal(send(user(1))), Some("cannot_message_oneself"), "the receiver is checked first");
        assert_eq!(refusal(send(user(2))), None);
        let error = send(user(2)).unwrap_err();
        assert_eq!((error.kind(), error.name()), (ErrorKind::Throttled { retry_after: wait }, name));
    }
}

#[test]
fn beyond_the_quota_a_message_with_a_key_is_looked_up_a_few_times() {
    let spent = SpentQuota::Messages(Duration::from_secs(12));
    let (mut messages, mut quota) = (MockMessageRepository::new(), MockSendQuota::new());
    quota.expect_spend().returning(move |_, _| Err(spent));
    let mut left = 2;
    quota.expect_spend_repeat().with(eq(user(1))).times(3).returning(move |_| {
        left -= 1;
        left >= 0
    });
    let mut outcomes =
        [SendOutcome::Refused(SendRefusal::OverQuota(spent)), SendOutcome::Sent(sent_message())];
    let expected = messages.expect_send().withf(move |draft| draft.over_quota == Some(spent)).times(2);
    expected.returning(move |_| {
        outcomes.reverse();
        Ok(outcomes[0])
    });
    let service = MessageService::new(Arc::new(messages), WINDOW, Some(Arc::new(quota)));
    let key = ClientMessageId::parse("key".to_owned()).unwrap();
    let send = |key| block_on(service.send(user(1), user(2), text("hi"), key));
    assert_eq!(send(Some(key.clone())).unwrap(), sent_message());
    assert_eq!(refusal(send(Some(key.clone()))), Some("message_quota_used_up"), "it is not stored");
    assert_eq!(refusal(send(Some(key))), Some("message_quota_used_up"), "it is not looked up");
    assert_eq!(refusal(send(None)), Some("message_quota_used_up"));
}

#[test]
fn each_refusal_to_send_has_its_name() {
    for (outcome, name) in [
        (SendRefusal::NotFriends, "not_friends"),
        (SendRefusal::Blocked, "blocked"),
        (SendRefusal::IdempotencyConflict, "idempotency_conflict"),
    ] {
        let service = service(|messages| {
            messages.expect_send().once().return_once(move |_| Ok(SendOutcome::Refused(outcome)));
        });
        let sent = block_on(service.send(user(1), user(2), text("hi"), None));
        assert_eq!(refusal(sent), Some(name));
    }
}

#[test]
fn a_recall_uses_the_caller_and_the_configured_window() {
    for decision in [RecallDecision::Recall, RecallDecision::AlreadyRecalled] {
        let service = service(|messages| {
            let expected = messages.expect_recall().with(eq(message()), eq(user(1)), eq(WINDOW));
            expected.once().return_once(move |_, _, _| Ok(RecallOutcome::Done(decision)));
        });
        assert_eq!(refusal(block_on(service.recall(user(1), message()))), None);
    }
}

#[test]
fn each_refusal_to_recall_has_its_name() {
    for (outcome, name) in [
        (RecallOutcome::Unknown, "unknown_message"),
        (RecallOutcome::Refused(RecallRefusal::NotYours), "unknown_message"),
        (RecallOutcome::Refused(RecallRefusal::WindowOver), "recall_window_over"),
    ] {
        let service = service(|messages| {
            messages.expect_recall().once().return_once(move |_, _, _| Ok(outcome));
        });
        assert_eq!(refusal(block_on(service.recall(user(1), message()))), Some(name));
    }
}

#[test]
fn a_deletion_affects_the_caller_only() {
    let service = service(|messages| {
        let expected = messages.expect_delete_for().with(eq(user(2)), eq(message()));
        expected.once().returning(|_, _| Ok(true));
    });
    assert_eq!(refusal(block_on(service.delete(user(2), message()))), None);
}

#[test]
fn a_message_of_others_is_not_deleted() {
    let service = service(|messages| {
        messages.expect_delete_for().returning(|_, _| Ok(false));
    });
    assert_eq!(refusal(block_on(service.delete(user(3), message()))), Some("unknown_message"));
}

#[test]
fn an_adapter_error_is_passed_on() {
    let service = service(|messages| {
        messages.expect_send().returning(|_| Err(fault()));
        messages.expect_recall().returning(|_, _, _| Err(fault()));
        messages.expect_delete_for().returning(|_, _| Err(fault()));
    });
    assert_fault(block_on(service.send(user(1), user(2), text("hi"), None)));
    assert_fault(block_on(service.recall(user(1), message())));
    assert_fault(block_on(service.delete(user(1), message())));
}
