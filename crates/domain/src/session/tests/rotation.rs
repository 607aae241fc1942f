use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::session::{Generation, RefreshDecision, RefreshPolicy, decide_refresh};
use crate::testing::at;

const POLICY: RefreshPolicy =
    RefreshPolicy { reuse_grace: Duration::from_secs(10), session_max: Duration::from_secs(1000) };
const INSTANT: TimeDelta = TimeDelta::nanoseconds(1);

/// What becomes of a session of the third generation, opened at 0 and rotated at 100, 200 and 300.
fn decide(presented: i32, now: DateTime<Utc>) -> RefreshDecision {
    let rotations = [at(300), at(200), at(100)];
    decide_refresh((Generation::new(3), &rotations), at(0), Generation::new(presented), now, &POLICY)
}

#[test]
fn the_present_token_moves_the_session_on() {
    assert_eq!(decide(3, at(300)), RefreshDecision::Rotate(Generation::new(4)));
    assert_eq!(decide(3, at(900)), RefreshDecision::Rotate(Generation::new(4)));
}

#[test]
fn the_first_token_of_a_session_needs_no_rotation_before_it() {
    let decision = decide_refresh((Generation::FIRST, &[]), at(0), Generation::FIRST, at(5), &POLICY);
    assert_eq!(decision, RefreshDecision::Rotate(Generation::new(1)));
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
    let decide = |presented, now| {
        decide_refresh((Generation::new(3), &rotations), at(0), Generation::new(presented), now, &POLICY)
    };
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
    let decision =
        decide_refresh((Generation::new(3), &[at(300)]), at(0), Generation::new(1), at(300), &POLICY);
    assert_eq!(decision, RefreshDecision::Theft);
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
        decide_refresh((Generation::new(1), &[at(300)]), at(0), Generation::new(presented), now, &policy)
    };
    let endless = RefreshPolicy { reuse_grace: Duration::MAX, session_max: Duration::MAX };
    assert_eq!(decide(1, endless.clone()), RefreshDecision::Rotate(Generation::new(2)));
    assert_eq!(decide(0, endless.clone()), RefreshDecision::Reused);
    assert_eq!(decide(0, RefreshPolicy { reuse_grace: Duration::ZERO, ..endless }), RefreshDecision::Theft);
}
