use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use mockall::predicate::eq;
use pollster::block_on;
use uuid::Uuid;

use crate::account::{DisplayName, Nickname};
use crate::conversation::Directed;
use crate::friendship::FriendLimit;
use crate::friendship_request::{
    Answer, AnswerOutcome, AnswerRefusal, AskOutcome, AskRefusal, Direction, FriendshipRequestService,
    ListedRequest, MockFriendshipRequestRepository, RequestCursor, RequestPage, RequestPageRequest,
    RequestRules, RequestStatus, VerificationMessage,
};
use crate::id::{ConversationId, RequestId};
use crate::testing::{assert_fault, at, counted_texts, fault, refusal, user};

const REQUEST: RequestId = RequestId::from_uuid(Uuid::from_u128(77));
const RULES: RequestRules = RequestRules {
    time_to_live: Duration::from_secs(259_200),
    per_day: NonZeroU32::new(7),
    per_pair_and_day: NonZeroU32::new(3),
};

fn service(prepare: impl FnOnce(&mut MockFriendshipRequestRepository)) -> FriendshipRequestService {
    let mut requests = MockFriendshipRequestRepository::new();
    prepare(&mut requests);
    FriendshipRequestService::new(Arc::new(requests), RULES)
}

fn hello() -> VerificationMessage {
    VerificationMessage::parse("我是小明").unwrap()
}

#[test]
fn a_request_has_its_sender_receiver_message_and_rules() {
    for (caller, receiver) in [(user(1), user(2)), (user(2), user(1))] {
        let service = service(|requests| {
            let expected = requests.expect_ask().once().withf(move |request| {
                request.from == Directed::new(caller, receiver).unwrap()
                    && request.message == hello()
                    && request.rules == RULES
            });
            expected.returning(|_| Ok(AskOutcome::Created(REQUEST)));
        });
        let asked = block_on(service.ask(caller, receiver, hello())).unwrap();
        assert_eq!(asked, (REQUEST, RequestStatus::Pending));
    }
}

#[test]
fn a_request_in_return_makes_friends() {
    let service = service(|requests| {
        requests.expect_ask().once().returning(|_| Ok(AskOutcome::Accepted(REQUEST)));
    });
    let asked = block_on(service.ask(user(1), user(2), hello())).unwrap();
    assert_eq!(asked, (REQUEST, RequestStatus::Accepted));
}

#[test]
fn a_user_cannot_befriend_themselves() {
    let service = service(|_| {});
    let asked = block_on(service.ask(user(1), user(1), hello()));
    assert_eq!(refusal(asked), Some("cannot_befriend_oneself"));
}

#[test]
fn each_refused_request_has_its_error_name() {
    for (outcome, name) in [
        (AskOutcome::UnknownUser, "unknown_user"),
        (AskOutcome::Refused(AskRefusal::AlreadyFriends), "already_friends"),
        (AskOutcome::Refused(AskRefusal::AlreadyPending), "request_already_pending"),
        (AskOutcome::Refused(AskRefusal::Blocked), "blocked"),
        (AskOutcome::Refused(AskRefusal::TooManyPending), "pending_request_limit_reached"),
        (AskOutcome::Refused(AskRefusal::QuotaUsedUp(Duration::from_secs(1))), "request_quota_used_up"),
        (
            AskOutcome::Refused(AskRefusal::PairQuotaUsedUp(Duration::from_secs(1))),
            "pair_request_quota_used_up",
        ),
        (AskOutcome::Refused(AskRefusal::FriendLimit(FriendLimit::Own)), "friend_limit_reached"),
        (AskOutcome::Refused(AskRefusal::FriendLimit(FriendLimit::Peer)), "friend_limit_of_other_reached"),
    ] {
        let service = service(|requests| {
            requests.expect_ask().once().return_once(move |_| Ok(outcome));
        });
        assert_eq!(refusal(block_on(service.ask(user(1), user(2), hello()))), Some(name));
    }
}

#[test]
fn an_answer_passes_on_the_caller_and_the_request() {
    let conversation = ConversationId::from_uuid(Uuid::from_u128(5));
    for (answer, outcome, friends_in) in [
        (Answer::Accept, AnswerOutcome::Accepted(conversation), Some(conversation)),
        (Answer::Reject, AnswerOutcome::Done, None),
    ] {
        let service = service(|requests| {
            let expected = requests.expect_answer().with(eq(REQUEST), eq(user(2)), eq(answer));
            expected.once().return_once(move |_, _, _| Ok(outcome));
        });
        assert_eq!(block_on(service.answer(user(2), REQUEST, answer)).unwrap(), friends_in);
    }
}

#[test]
fn a_withdrawal_passes_on_the_caller_and_the_request() {
    let service = service(|requests| {
        let expected = requests.expect_withdraw().with(eq(REQUEST), eq(user(1)));
        expected.once().returning(|_, _| Ok(AnswerOutcome::Done));
    });
    assert_eq!(refusal(block_on(service.withdraw(user(1), REQUEST))), None);
}

#[test]
fn each_refused_answer_or_withdrawal_has_its_error_name() {
    for (outcome, name) in [
        (AnswerOutcome::Unknown, "unknown_request"),
        (AnswerOutcome::Refused(AnswerRefusal::NotYours), "unknown_request"),
        (AnswerOutcome::Refused(AnswerRefusal::AlreadyAnswered), "request_already_answered"),
        (AnswerOutcome::Refused(AnswerRefusal::Expired), "request_expired"),
    ] {
        let service = service(|requests| {
            requests.expect_answer().once().return_once(move |_, _, _| Ok(outcome));
            requests.expect_withdraw().once().return_once(move |_, _| Ok(outcome));
        });
        assert_eq!(refusal(block_on(service.answer(user(2), REQUEST, Answer::Accept))), Some(name));
        assert_eq!(refusal(block_on(service.withdraw(user(1), REQUEST))), Some(name));
    }
}

#[test]
fn each_reached_friend_limit_has_its_error_name() {
    for (limit, name) in
        [(FriendLimit::Own, "friend_limit_reached"), (FriendLimit::Peer, "friend_limit_of_other_reached")]
    {
        let service = service(|requests| {
            let refused = AnswerOutcome::Refused(AnswerRefusal::FriendLimit(limit));
            requests.expect_answer().once().return_once(move |_, _, _| Ok(refused));
        });
        assert_eq!(refusal(block_on(service.answer(user(2), REQUEST, Answer::Accept))), Some(name));
    }
}

#[test]
fn the_list_passes_on_the_caller_direction_and_page() {
    let after = RequestCursor { created_at: at(5), id: REQUEST };
    let request = RequestPageRequest::parse(Some(1), Some(after)).unwrap();
    let page = RequestPage { items: vec![listed()], next: Some(after) };
    for direction in [Direction::Received, Direction::Sent] {
        let service = service(|requests| {
            let page = page.clone();
            let expected = requests.expect_list().with(eq(user(1)), eq(direction), eq(request.clone()));
            expected.once().return_once(|_, _, _| Ok(page));
        });
        assert_eq!(block_on(service.list(user(1), direction, &request)).unwrap(), page);
    }
}

#[test]
fn received_requests_are_listed_by_default() {
    assert_eq!(Direction::default(), Direction::Received);
}

#[test]
fn a_port_error_is_passed_on() {
    let service = service(|requests| {
        requests.expect_ask().returning(|_| Err(fault()));
        requests.expect_answer().returning(|_, _, _| Err(fault()));
        requests.expect_withdraw().returning(|_, _| Err(fault()));
        requests.expect_list().returning(|_, _, _| Err(fault()));
    });
    assert_fault(block_on(service.ask(user(1), user(2), hello())));
    assert_fault(block_on(service.answer(user(1), REQUEST, Answer::Reject)));
    assert_fault(block_on(service.withdraw(user(1), REQUEST)));
    assert_fault(block_on(service.list(user(1), Direction::Sent, &RequestPageRequest::default())));
}

fn listed() -> ListedRequest {
    ListedRequest {
        id: REQUEST,
        peer: user(2),
        peer_uid: None,
        peer_name: DisplayName::Nickname(Nickname::parse("阿明").unwrap()),
        verification_message: VerificationMessage::parse("我是阿明").unwrap(),
        status: RequestStatus::Canceled,
        created_at: at(4),
    }
}

#[test]
fn the_size_of_an_answer_counts_the_names_and_messages_of_requests() {
    assert_eq!(counted_texts(&listed()), ["阿明", "我是阿明"]);
}
