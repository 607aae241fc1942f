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

fn strangers() -> PairState {
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
fn strangers_may_ask_each_other() {
    assert_eq!(decide_ask(&strangers(), Side::Low, None), AskDecision::Create);
    assert_eq!(decide_ask(&strangers(), Side::High, None), AskDecision::Create);
}

#[test]
fn asking_twice_is_refused_while_the_first_request_waits() {
    let pending = request(RequestStatus::Pending);
    let decision = decide_ask(&strangers(), Side::Low, Some(&pending));
    assert_eq!(decision, AskDecision::Refuse(AskRefusal::AlreadyPending));
}

#[test]
fn asking_back_accepts_the_waiting_request() {
    let pending = request(RequestStatus::Pending);
    assert_eq!(decide_ask(&strangers(), Side::High, Some(&pending)), AskDecision::Accept(pending.id));
}

#[test]
fn friends_need_not_ask_whatever_else_is_true() {
    let friends = PairState { friends: true, lo_blocks: true, hi_blocks: true, ..strangers() };
    for asker in [Side::Low, Side::High] {
        for pending in [None, Some(request(RequestStatus::Pending))] {
            let decision = decide_ask(&friends, asker, pending.as_ref());
            assert_eq!(decision, AskDecision::Refuse(AskRefusal::AlreadyFriends));
        }
    }
}

#[test]
fn the_blocked_one_may_not_ask_nor_ask_back_nor_ask_again() {
    let blocked = PairState { hi_blocks: true, ..strangers() };
    let asked_by_receiver =
        FriendshipRequest { sender: RECEIVER, receiver: SENDER, ..request(RequestStatus::Pending) };
    for pending in [None, Some(request(RequestStatus::Pending)), Some(asked_by_receiver)] {
        let decision = decide_ask(&blocked, Side::Low, pending.as_ref());
        assert_eq!(decision, AskDecision::Refuse(AskRefusal::Blocked), "{pending:?}");
    }
}

#[test]
fn the_one_who_blocks_may_ask_still() {
    let blocking = PairState { lo_blocks: true, ..strangers() };
    assert_eq!(decide_ask(&blocking, Side::Low, None), AskDecision::Create);
}

#[test]
fn a_pending_request_expires_at_the_very_instant() {
    let instant = TimeDelta::nanoseconds(1);
    let (pending, expires_at) = (RequestStatus::Pending, at(100));
    assert_eq!(pending.at(expires_at - instant, expires_at), RequestStatus::Pending);
    assert_eq!(pending.at(expires_at, expires_at), RequestStatus::Expired);
    assert_eq!(pending.at(expires_at + instant, expires_at), RequestStatus::Expired);
}

#[test]
fn what_was_answered_does_not_expire() {
    use RequestStatus::{Accepted, Canceled, Expired, Rejected};
    for status in [Accepted, Rejected, Canceled, Expired] {
        assert_eq!(status.at(at(0), at(100)), status);
        assert_eq!(status.at(at(1000), at(100)), status);
    }
}

#[test]
fn only_the_receiver_answers() {
    let pending = request(RequestStatus::Pending);
    assert_eq!(decide_answer(&pending, RECEIVER, at(0)), Ok(()));
    for stranger in [SENDER, user(3)] {
        assert_eq!(decide_answer(&pending, stranger, at(0)), Err(AnswerRefusal::NotYours));
    }
}

#[test]
fn only_the_sender_withdraws() {
    let pending = request(RequestStatus::Pending);
    assert_eq!(decide_withdrawal(&pending, SENDER, at(0)), Ok(()));
    for stranger in [RECEIVER, user(3)] {
        assert_eq!(decide_withdrawal(&pending, stranger, at(0)), Err(AnswerRefusal::NotYours));
    }
}

#[test]
fn what_is_over_is_neither_answered_nor_withdrawn() {
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
fn a_request_is_answered_and_withdrawn_until_the_instant_it_expires() {
    let last = at(100) - TimeDelta::nanoseconds(1);
    assert_eq!(decide_answer(&request(RequestStatus::Pending), RECEIVER, last), Ok(()));
    assert_eq!(decide_withdrawal(&request(RequestStatus::Pending), SENDER, last), Ok(()));
}

#[test]
fn a_stranger_learns_nothing_of_what_was_answered() {
    for status in [RequestStatus::Accepted, RequestStatus::Expired] {
        assert_eq!(decide_answer(&request(status), user(3), at(0)), Err(AnswerRefusal::NotYours));
        assert_eq!(decide_withdrawal(&request(status), user(3), at(0)), Err(AnswerRefusal::NotYours));
    }
}

fn opening(pending: i64, quota_window_start: Option<i64>, now: i64) -> RequestAllowance {
    RequestAllowance { pending, quota_window_start: quota_window_start.map(at), now: at(now) }
}

#[test]
fn a_sender_has_at_most_one_hundred_pending_requests() {
    for pending in [0, 1, 99] {
        assert_eq!(decide_request_limits(&opening(pending, None, 0)), Ok(()), "{pending}");
    }
    for pending in [100, 101, i64::MAX] {
        for quota_window_start in [None, Some(0)] {
            let decision = decide_request_limits(&opening(pending, quota_window_start, 0));
            assert_eq!(decision, Err(AskRefusal::TooManyPending), "{pending}");
        }
    }
}

#[test]
fn a_quota_is_free_again_a_day_after_the_request_that_lies_a_quota_back() {
    const DAY: i64 = 86_400;
    let wait = |seconds| Err(AskRefusal::QuotaUsedUp(Duration::from_secs(seconds)));
    assert_eq!(decide_request_limits(&opening(0, Some(0), 0)), wait(86_400));
    assert_eq!(decide_request_limits(&opening(0, Some(0), 100)), wait(86_300));
    assert_eq!(decide_request_limits(&opening(0, Some(0), DAY - 1)), wait(1));
    assert_eq!(decide_request_limits(&opening(0, Some(0), DAY)), Ok(()));
    assert_eq!(decide_request_limits(&opening(0, Some(0), 100 * DAY)), Ok(()));
    assert_eq!(decide_request_limits(&opening(0, Some(50), 0)), wait(86_400), "the clock was set back");
}
