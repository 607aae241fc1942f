//! Refresh token rotation.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::SESSION;
use crate::auth::{
    Generation, IdempotencyKey, RefreshAttempt, RefreshClaims, RefreshDecision, RefreshPolicy, SessionState,
    decide_refresh,
};
use crate::testing::{at, user};

const POLICY: RefreshPolicy = RefreshPolicy {
    reuse_grace: Duration::from_secs(10),
    session_max: Duration::from_secs(1000),
    retry_window: Duration::from_secs(60),
};
const INSTANT: TimeDelta = TimeDelta::nanoseconds(1);

fn state(generation: i32, rotations: &[i64]) -> SessionState {
    SessionState {
        generation: Generation::new(generation),
        rotations: rotations.iter().map(|second| at(*second)).collect(),
        refresh_key: None,
        created_at: at(0),
    }
}

fn key(text: &str) -> IdempotencyKey {
    IdempotencyKey::parse(text).unwrap()
}

/// An attempt with the token of a generation, under [`POLICY`].
fn attempt(presented: i32, key: Option<&str>) -> RefreshAttempt {
    let claims = RefreshClaims {
        user_id: user(1),
        session_id: SESSION,
        generation: Generation::new(presented),
        issued_at: at(0),
        expires_at: at(5000),
    };
    RefreshAttempt { claims, key: key.map(self::key), policy: POLICY }
}

fn decide_by(state: &SessionState, presented: i32, now: DateTime<Utc>) -> RefreshDecision {
    decide_refresh(state, &attempt(presented, None), now)
}

/// Decides for a session in generation 3, opened at 0 and rotated at 100, 200 and 300.
fn decide(presented: i32, now: DateTime<Utc>) -> RefreshDecision {
    decide_by(&state(3, &[300, 200, 100]), presented, now)
}

/// The generation to which the session advances.
#[track_caller]
fn rotated_to(decision: RefreshDecision) -> i32 {
    match decision {
        RefreshDecision::Rotate(next) => next.generation.get(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_current_token_advances_the_session() {
    assert_eq!(rotated_to(decide(3, at(300))), 4);
    assert_eq!(rotated_to(decide(3, at(900))), 4);
}

#[test]
fn the_first_token_needs_no_previous_rotation() {
    assert_eq!(rotated_to(decide_by(&state(0, &[]), 0, at(5))), 1);
}

#[test]
fn reuse_within_the_grace_period_ends_nothing() {
    for now in [at(300), at(301), at(310)] {
        assert_eq!(decide(2, now), RefreshDecision::Reused, "{now}");
    }
}

#[test]
fn reuse_after_the_grace_period_is_theft() {
    for now in [at(310) + INSTANT, at(311), at(900)] {
        assert_eq!(decide(2, now), RefreshDecision::Theft, "{now}");
    }
}

#[test]
fn the_grace_period_of_a_token_begins_with_its_use() {
    let decide = |presented, now| decide_by(&state(3, &[304, 302, 300]), presented, now);
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
fn a_token_older_than_the_stored_rotations_is_stolen() {
    assert_eq!(decide_by(&state(3, &[300]), 1, at(300)), RefreshDecision::Theft);
}

#[test]
fn a_token_of_a_future_or_negative_generation_is_refused() {
    assert_eq!(decide(4, at(301)), RefreshDecision::Over);
    assert_eq!(decide(i32::MAX, at(301)), RefreshDecision::Over);
    assert_eq!(decide(i32::MIN, at(301)), RefreshDecision::Over);
}

#[test]
fn a_session_at_its_maximum_lifetime_is_over_for_every_token() {
    for presented in [0, 2, 3, 4] {
        assert_eq!(decide(presented, at(1000)), RefreshDecision::Over, "{presented}");
        assert_eq!(decide(presented, at(5000)), RefreshDecision::Over, "{presented}");
    }
}

#[test]
fn a_session_can_be_refreshed_until_its_maximum_lifetime() {
    assert_eq!(rotated_to(decide(3, at(1000) - INSTANT)), 4);
}

#[test]
fn extreme_settings_do_not_overflow() {
    let decide = |presented, policy| {
        let attempt = RefreshAttempt { policy, ..attempt(presented, None) };
        decide_refresh(&state(1, &[300]), &attempt, at(1_000_000_000))
    };
    let endless =
        RefreshPolicy { reuse_grace: Duration::MAX, session_max: Duration::MAX, retry_window: Duration::MAX };
    assert_eq!(rotated_to(decide(1, endless.clone())), 2);
    assert_eq!(decide(0, endless.clone()), RefreshDecision::Reused);
    assert_eq!(decide(0, RefreshPolicy { reuse_grace: Duration::ZERO, ..endless }), RefreshDecision::Theft);
}

#[test]
fn a_rotation_stores_its_time_its_key_and_the_last_sixteen_rotations() {
    let mut session = state(0, &[0]);
    for generation in 1..=20 {
        let now = at(generation.into());
        let current = attempt(generation - 1, Some("a"));
        let RefreshDecision::Rotate(next) = decide_refresh(&session, &current, now) else {
            panic!("generation {generation}")
        };
        assert_eq!((next.generation.get(), next.rotations.first()), (generation, Some(&now)));
        assert_eq!((&next.refresh_key, next.created_at), (&Some(key("a")), at(0)));
        session = next;
    }
    assert_eq!(session.rotations, (5..=20).rev().map(at).collect::<Vec<_>>());
    assert_eq!(session.advance(None, at(21)).refresh_key, None);
    // Used within the grace period, but too many rotations ago.
    assert_eq!(decide_by(&session, 4, at(12)), RefreshDecision::Reused);
    assert_eq!(decide_by(&session, 3, at(12)), RefreshDecision::Theft);
}

/// Decides for a session in generation 3, rotated at 300 with the idempotency key "a".
fn retry(presented: i32, key: Option<&str>, now: DateTime<Utc>) -> RefreshDecision {
    let state = SessionState { refresh_key: Some(self::key("a")), ..state(3, &[300, 200, 100]) };
    decide_refresh(&state, &attempt(presented, key), now)
}

#[test]
fn a_retry_is_replayed_within_its_window_beyond_the_grace_period() {
    for now in [at(300), at(311), at(360)] {
        assert_eq!(retry(2, Some("a"), now), RefreshDecision::Replay, "{now}");
    }
    assert_eq!(retry(2, Some("a"), at(360) + INSTANT), RefreshDecision::Theft);
}

#[test]
fn another_key_or_no_key_is_not_a_retry() {
    for key in [None, Some("b"), Some("A")] {
        assert_eq!(retry(2, key, at(310)), RefreshDecision::Reused, "{key:?}");
        assert_eq!(retry(2, key, at(311)), RefreshDecision::Theft, "{key:?}");
    }
    // A rotation without a key has no retries.
    assert_eq!(decide(2, at(311)), RefreshDecision::Theft);
}

#[test]
fn a_retry_is_not_replayed_once_its_token_was_used() {
    assert_eq!(retry(1, Some("a"), at(301)), RefreshDecision::Theft);
    let state = SessionState { refresh_key: Some(key("a")), ..state(3, &[300, 299]) };
    let decision = decide_refresh(&state, &attempt(1, Some("a")), at(301));
    assert_eq!(decision, RefreshDecision::Reused);
}

#[test]
fn the_current_token_advances_the_session_with_any_key() {
    for key in [None, Some("a"), Some("b")] {
        assert_eq!(rotated_to(retry(3, key, at(301))), 4);
        assert_eq!(retry(4, key, at(301)), RefreshDecision::Over);
        assert_eq!(retry(2, key, at(1000)), RefreshDecision::Over);
    }
}
