use std::time::Duration;

use chrono::TimeDelta;
use uuid::Uuid;

use crate::conversation::{Pair, PairState, Side};
use crate::friendship_request::{
    AnswerRefusal, AskDecision, AskRefusal, FriendshipRequest, RequestAllowance, RequestStatus,
    decide_answer, decide_ask, decide_request_limits, decide_withdrawal,
};
use crate::id::{RequestId, UserId};
use crate::message::Seq;
use crate::testing::{at, user};

const SENDER: UserId = user(1);
const RECEIVER: UserId = user(2);

fn no_relation() -> PairState {
    PairState {
        pair: Pair::new(SENDER, RECEIVER).unwrap(),
        friends: false,
        lo_blocks: false,
        hi_blocks: false,
        last_seq: Seq::NONE,
        lo_sent: 0,
        hi_sent: 0,
    }
}

fn request(status: RequestStatus) -> FriendshipRequest {
    FriendshipRequest {
        id: RequestId::from_uuid(Uuid::from_u128(77)),
        sender: SENDER,
        receiver: RECEIVER,
        status,
        expires_at: at(100),
    }
}

#[test]
fn users_without_a_relation_may_ask_each_other() {
    assert_eq!(decide_ask(&no_relation(), Side::Low, None), AskDecision::Create);
    assert_eq!(decide_ask(&no_relation(), Side::High, None), AskDecision::Create);
}

#[test]
fn a_second_request_is_refused_while_the_first_is_pending() {
    let pending = request(RequestStatus::Pending);
    let decision = decide_ask(&no_relation(), Side::Low, Some(&pending));
    assert_eq!(decision, AskDecision::Refuse(AskRefusal::AlreadyPending));
}

#[test]
fn a_request_in_return_accepts_the_pending_one() {
    let pending = request(RequestStatus::Pending);
    assert_eq!(decide_ask(&no_relation(), Side::High, Some(&pending)), AskDecision::Accept(pending.id));
}

#[test]
fn friends_cannot_ask_whatever_else_is_true() {
    let friends = PairState { friends: true, lo_blocks: true, hi_blocks: true, ..no_relation() };
    for asker in [Side::Low, Side::High] {
        for pending in [None, Some(request(RequestStatus::Pending))] {
            let decision = decide_ask(&friends, asker, pending.as_ref());
            assert_eq!(decision, AskDecision::Refuse(AskRefusal::AlreadyFriends));
        }
    }
}

#[test]
fn a_blocked_sender_can_neither_ask_nor_accept_by_asking() {
    let blocked = PairState { hi_blocks: true, ..no_relation() };
    let asked_by_receiver =
        FriendshipRequest { sender: RECEIVER, receiver: SENDER, ..request(RequestStatus::Pending) };
    for pending in [None, Some(request(RequestStatus::Pending)), Some(asked_by_receiver)] {
        let decision = decide_ask(&blocked, Side::Low, pending.as_ref());
        assert_eq!(decision, AskDecision::Refuse(AskRefusal::Blocked), "{pending:?}");
    }
}

#[test]
fn a_sender_who_blocks_the_receiver_may_ask() {
    let blocking = PairState { lo_blocks: true, ..no_relation() };
    assert_eq!(decide_ask(&blocking, Side::Low, None), AskDecision::Create);
}

#[test]
fn a_pending_request_expires_exactly_at_its_time() {
    let instant = TimeDelta::nanoseconds(1);
    let (pending, expires_at) = (RequestStatus::Pending, at(100));
    assert_eq!(pending.at(expires_at - instant, expires_at), RequestStatus::Pending);
    assert_eq!(pending.at(expires_at, expires_at), RequestStatus::Expired);
    assert_eq!(pending.at(expires_at + instant, expires_at), RequestStatus::Expired);
}

#[test]
fn an_answered_request_does_not_expire() {
    use RequestStatus::{Accepted, Canceled, Expired, Rejected};
    for status in [Accepted, Rejected, Canceled, Expired] {
        assert_eq!(status.at(at(0), at(100)), status);
        assert_eq!(status.at(at(1000), at(100)), status);
    }
}

#[test]
fn only_the_receiver_may_answer() {
    let pending = request(RequestStatus::Pending);
    assert_eq!(decide_answer(&pending, RECEIVER, at(0)), Ok(()));
    for other in [SENDER, user(3)] {
        assert_eq!(decide_answer(&pending, other, at(0)), Err(AnswerRefusal::NotYours));
    }
}

#[test]
fn only_the_sender_may_withdraw() {
    let pending = request(RequestStatus::Pending);
    assert_eq!(decide_withdrawal(&pending, SENDER, at(0)), Ok(()));
    for other in [RECEIVER, user(3)] {
        assert_eq!(decide_withdrawal(&pending, other, at(0)), Err(AnswerRefusal::NotYours));
    }
}

#[test]
fn an_answered_or_expired_request_is_final() {
    use RequestStatus::{Accepted, Canceled, Expired, Pending, Rejected};
    for (status, now, refusal) in [
        (Pending, at(100), AnswerRefusal::Expired),
        (Pending, at(101), AnswerRefusal::Expired),
        (Expired, at(0), AnswerRefusal::Expired),
        (Accepted, at(0), AnswerRefusal::AlreadyAnswered),
        (Rejected, at(0), AnswerRefusal::AlreadyAnswered),
        (Canceled, at(0), AnswerRefusal::AlreadyAnswered),
        (Accepted, at(101), AnswerRefusal::AlreadyAnswered),
    ] {
        let request = request(status);
        assert_eq!(decide_answer(&request, RECEIVER, now), Err(refusal), "{status:?}");
        assert_eq!(decide_withdrawal(&request, SENDER, now), Err(refusal), "{status:?}");
    }
}

#[test]
fn a_request_can_be_answered_until_the_instant_it_expires() {
    let last = at(100) - TimeDelta::nanoseconds(1);
    assert_eq!(decide_answer(&request(RequestStatus::Pending), RECEIVER, last), Ok(()));
    assert_eq!(decide_withdrawal(&request(RequestStatus::Pending), SENDER, last), Ok(()));
}

#[test]
fn an_outsider_learns_nothing_about_an_answered_request() {
    for status in [RequestStatus::Accepted, RequestStatus::Expired] {
        assert_eq!(decide_answer(&request(status), user(3), at(0)), Err(AnswerRefusal::NotYours));
        assert_eq!(decide_withdrawal(&request(status), user(3), at(0)), Err(AnswerRefusal::NotYours));
    }
}

fn allowance(pending: i64, quota_window_start: Option<i64>, now: i64) -> RequestAllowance {
    let quota_window_start = quota_window_start.map(at);
    RequestAllowance { pending, quota_window_start, pair_window_start: None, now: at(now) }
}

#[test]
fn a_sender_has_at_most_one_hundred_pending_requests() {
    for pending in [0, 1, 99] {
        assert_eq!(decide_request_limits(&allowance(pending, None, 0)), Ok(()), "{pending}");
    }
    for pending in [100, 101, i64::MAX] {
        for quota_window_start in [None, Some(0)] {
            let decision = decide_request_limits(&allowance(pending, quota_window_start, 0));
            assert_eq!(decision, Err(AskRefusal::TooManyPending), "{pending}");
        }
    }
}

#[test]
fn the_quota_of_a_pair_is_judged_after_the_senders_quota() {
    const DAY: i64 = 86_400;
    let of = |quota: Option<i64>, pair: Option<i64>, now| {
        let allowance = RequestAllowance { pair_window_start: pair.map(at), ..allowance(0, quota, now) };
        decide_request_limits(&allowance)
    };
    let wait = Duration::from_secs;
    assert_eq!(of(None, Some(0), 100), Err(AskRefusal::PairQuotaUsedUp(wait(86_300))));
    assert_eq!(of(Some(50), Some(0), 100), Err(AskRefusal::QuotaUsedUp(wait(86_350))));
    assert_eq!(of(None, Some(0), DAY), Ok(()));
}

#[test]
fn the_quota_frees_up_a_day_after_the_oldest_request_in_it() {
    const DAY: i64 = 86_400;
    let wait = |seconds| Err(AskRefusal::QuotaUsedUp(Duration::from_secs(seconds)));
    assert_eq!(decide_request_limits(&allowance(0, Some(0), 0)), wait(86_400));
    assert_eq!(decide_request_limits(&allowance(0, Some(0), 100)), wait(86_300));
    assert_eq!(decide_request_limits(&allowance(0, Some(0), DAY - 1)), wait(1));
    assert_eq!(decide_request_limits(&allowance(0, Some(0), DAY)), Ok(()));
    assert_eq!(decide_request_limits(&allowance(0, Some(0), 100 * DAY)), Ok(()));
    assert_eq!(decide_request_limits(&allowance(0, Some(50), 0)), wait(86_400), "the clock was set back");
}
