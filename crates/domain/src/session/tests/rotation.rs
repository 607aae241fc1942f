use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::session::{
    Generation, IdempotencyKey, RefreshDecision, RefreshPolicy, SessionState, decide_refresh,
};
use crate::testing::at;

const POLICY: RefreshPolicy = RefreshPolicy {
    reuse_grace: Duration::from_secs(10),
    session_max: Duration::from_secs(1000),
    retry_window: Duration::from_secs(60),
};
const INSTANT: TimeDelta = TimeDelta::nanoseconds(1);

fn state(generation: i32, rotations: &[DateTime<Utc>]) -> SessionState<'_> {
    SessionState { generation: Generation::new(generation), rotations, refresh_key: None, created_at: at(0) }
}

fn decide_by(state: &SessionState<'_>, presented: i32, now: DateTime<Utc>) -> RefreshDecision {
    decide_refresh(state, (Generation::new(presented), None), now, &POLICY)
}

/// What becomes of a session of the third generation, opened at 0 and rotated at 100, 200 and 300.
fn decide(presented: i32, now: DateTime<Utc>) -> RefreshDecision {
    decide_by(&state(3, &[at(300), at(200), at(100)]), presented, now)
}

#[test]
fn the_present_token_moves_the_session_on() {
    assert_eq!(decide(3, at(300)), RefreshDecision::Rotate(Generation::new(4)));
    assert_eq!(decide(3, at(900)), RefreshDecision::Rotate(Generation::new(4)));
}

#[test]
fn the_first_token_of_a_session_needs_no_rotation_before_it() {
    assert_eq!(decide_by(&state(0, &[]), 0, at(5)), RefreshDecision::Rotate(Generation::new(1)));
}

#[test]
fn a_used_token_within_its_grace_ends_nothing() {
    for now in [at(300), at(301), at(310)] {
        assert_eq!(decide(2, now), RefreshDecision::Reused, "{now}");
    }
}

#[test]
fn a_used_token_after_its_grace_is_theft() {
    for now in [at(310) + INSTANT, at(311), at(900)] {
        assert_eq!(decide(2, now), RefreshDecision::Theft, "{now}");
    }
}

#[test]
fn the_grace_of_each_token_begins_when_that_token_was_used() {
    let rotations = [at(304), at(302), at(300)];
    let decide = |presented, now| decide_by(&state(3, &rotations), presented, now);
    // At 311 the oldest was used eleven seconds ago, the next nine, the last seven.
    for (presented, decision) in
        [(0, RefreshDecision::Theft), (1, RefreshDecision::Reused), (2, RefreshDecision::Reused)]
    {
        assert_eq!(decide(presented, at(311)), decision, "{presented}");
    }
    assert_eq!(decide(1, at(312) + INSTANT), RefreshDecision::Theft);
    assert_eq!(decide(2, at(312) + INSTANT), RefreshDecision::Reused);
}

#[test]
fn a_token_whose_use_is_no_longer_kept_is_past_any_grace() {
    assert_eq!(decide_by(&state(3, &[at(300)]), 1, at(300)), RefreshDecision::Theft);
}

#[test]
fn a_token_of_a_generation_that_never_was_is_worth_nothing() {
    assert_eq!(decide(4, at(301)), RefreshDecision::Over);
    assert_eq!(decide(i32::MAX, at(301)), RefreshDecision::Over);
    assert_eq!(decide(i32::MIN, at(301)), RefreshDecision::Over);
}

#[test]
fn a_session_at_its_maximum_is_over_whatever_the_token() {
    for presented in [0, 2, 3, 4] {
        assert_eq!(decide(presented, at(1000)), RefreshDecision::Over, "{presented}");
        assert_eq!(decide(presented, at(5000)), RefreshDecision::Over, "{presented}");
    }
}

#[test]
fn a_session_may_be_refreshed_until_its_maximum() {
    assert_eq!(decide(3, at(1000) - INSTANT), RefreshDecision::Rotate(Generation::new(4)));
}

#[test]
fn settings_of_any_length_are_taken_as_they_are() {
    let decide = |presented, policy| {
        let now = at(1_000_000_000);
        decide_refresh(&state(1, &[at(300)]), (Generation::new(presented), None), now, &policy)
    };
    let endless =
        RefreshPolicy { reuse_grace: Duration::MAX, session_max: Duration::MAX, retry_window: Duration::MAX };
    assert_eq!(decide(1, endless.clone()), RefreshDecision::Rotate(Generation::new(2)));
    assert_eq!(decide(0, endless.clone()), RefreshDecision::Reused);
    assert_eq!(decide(0, RefreshPolicy { reuse_grace: Duration::ZERO, ..endless }), RefreshDecision::Theft);
}

/// What becomes of a session of the third generation, rotated at 300 by a try called "a", shown a token under a key.
fn retry(presented: i32, key: Option<&str>, now: DateTime<Utc>) -> RefreshDecision {
    let (kept, key) =
        (IdempotencyKey::parse("a").unwrap(), key.map(|key| IdempotencyKey::parse(key).unwrap()));
    let rotations = [at(300), at(200), at(100)];
    let state = SessionState { refresh_key: Some(&kept), ..state(3, &rotations) };
    decide_refresh(&state, (Generation::new(presented), key.as_ref()), now, &POLICY)
}

#[test]
fn the_same_try_gets_the_same_tokens_for_a_minute_though_the_grace_is_shorter() {
    for now in [at(300), at(311), at(360)] {
        assert_eq!(retry(2, Some("a"), now), RefreshDecision::Repeat, "{now}");
    }
    assert_eq!(retry(2, Some("a"), at(360) + INSTANT), RefreshDecision::Theft);
}

#[test]
fn another_try_or_one_without_a_name_is_judged_as_ever() {
    for key in [None, Some("b"), Some("A")] {
        assert_eq!(retry(2, key, at(310)), RefreshDecision::Reused, "{key:?}");
        assert_eq!(retry(2, key, at(311)), RefreshDecision::Theft, "{key:?}");
    }
    // A session that moved on without a key repeats itself to nobody.
    assert_eq!(decide(2, at(311)), RefreshDecision::Theft);
}

#[test]
fn a_retry_whose_successor_was_used_is_judged_as_ever() {
    assert_eq!(retry(1, Some("a"), at(301)), RefreshDecision::Theft);
    let kept = IdempotencyKey::parse("a").unwrap();
    let rotations = [at(300), at(299)];
    let state = SessionState { refresh_key: Some(&kept), ..state(3, &rotations) };
    let decision = decide_refresh(&state, (Generation::new(1), Some(&kept)), at(301), &POLICY);
    assert_eq!(decision, RefreshDecision::Reused);
}

#[test]
fn the_present_token_moves_on_whatever_its_key() {
    for key in [None, Some("a"), Some("b")] {
        assert_eq!(retry(3, key, at(301)), RefreshDecision::Rotate(Generation::new(4)));
        assert_eq!(retry(4, key, at(301)), RefreshDecision::Over);
        assert_eq!(retry(2, key, at(1000)), RefreshDecision::Over);
    }
}
