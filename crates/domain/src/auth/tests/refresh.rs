use std::time::Duration;

use chrono::TimeDelta;
use mockall::predicate::eq;
use pollster::block_on;

use super::{LIFETIMES, NOW, SESSION, World, assert_issued, session};
use crate::auth::{
    Generation, IdempotencyKey, IssuedTokens, RefreshClaims, RotateOutcome, Session, SessionError,
    TokenLifetimes,
};
use crate::testing::{FixedClock, assert_fault, at, fault, refusal, user};

fn claims() -> RefreshClaims {
    RefreshClaims {
        user_id: user(1),
        session_id: SESSION,
        generation: Generation::new(4),
        issued_at: at(900),
        expires_at: at(605_700),
    }
}

fn key() -> IdempotencyKey {
    IdempotencyKey::parse("try-1").unwrap()
}

fn rotated() -> Session {
    Session { generation: Generation::new(5), refreshed_at: at(999), created_at: at(100), ..session() }
}

/// A world in which the token's session is rotated once.
fn world(outcome: RotateOutcome) -> World {
    let mut world = World::default();
    let expected = world.sessions.expect_rotate().withf(|attempt| {
        attempt.claims == claims()
            && attempt.key == Some(key())
            && attempt.policy.reuse_grace == LIFETIMES.reuse_grace
            && attempt.policy.session_max == LIFETIMES.session_max
            && attempt.policy.retry_window == Duration::from_secs(60)
    });
    expected.once().return_once(|_| Ok(outcome));
    world
}

fn refresh(world: World) -> Result<IssuedTokens, SessionError> {
    block_on(world.service().refresh(claims(), Some(key())))
}

/// The tokens of a session that was opened at 100 and refreshed at 999, under these settings.
fn issue(lifetimes: TokenLifetimes, access_expires: i64, refresh_expires: i64) -> IssuedTokens {
    let mut world = World::default();
    world.sessions.expect_rotate().returning(|_| Ok(RotateOutcome::Rotated(rotated())));
    world.expect_tokens_of(&rotated(), access_expires, at(refresh_expires));
    block_on(world.service_with(lifetimes).refresh(claims(), Some(key()))).unwrap()
}

#[test]
fn a_good_refresh_token_is_exchanged_for_the_next_pair() {
    let mut world = world(RotateOutcome::Rotated(rotated()));
    world.expect_tokens_of(&rotated(), 999 + 600, at(999 + 604_800));
    assert_issued(&refresh(world).unwrap(), Duration::from_secs(599));
}

#[test]
fn a_retry_gets_the_same_pair_and_the_remaining_lifetime() {
    let mut world = world(RotateOutcome::Replayed(rotated()));
    world.expect_tokens_of(&rotated(), 999 + 600, at(999 + 604_800));
    let service = world.service_by(FixedClock(at(NOW + 40)), LIFETIMES);
    let tokens = block_on(service.refresh(claims(), Some(key()))).unwrap();
    assert_issued(&tokens, Duration::from_secs(559));
}

#[test]
fn the_remaining_lifetime_is_rounded_up_and_capped() {
    // The database's clock may run ahead of the local one; started seconds count as whole ones.
    for (millis, left) in
        [(-3000, 600), (0, 600), (1, 600), (999, 600), (1000, 599), (599_001, 1), (600_000, 0)]
    {
        let mut world = world(RotateOutcome::Rotated(rotated()));
        world.expect_tokens_of(&rotated(), 999 + 600, at(999 + 604_800));
        let clock = FixedClock(at(999) + TimeDelta::milliseconds(millis));
        let tokens = block_on(world.service_by(clock, LIFETIMES).refresh(claims(), Some(key()))).unwrap();
        assert_issued(&tokens, Duration::from_secs(left));
    }
}

#[test]
fn a_refresh_token_does_not_outlive_its_session() {
    // The session that was opened at 100 is over at 605,000, before the token of 999 would expire.
    let lifetimes = TokenLifetimes { session_max: Duration::from_secs(604_900), ..LIFETIMES };
    assert_issued(&issue(lifetimes, 999 + 600, 605_000), Duration::from_secs(599));
}

#[test]
fn a_refresh_token_lasts_its_own_time_within_its_session() {
    let lifetimes = TokenLifetimes { session_max: Duration::from_secs(605_700), ..LIFETIMES };
    assert_issued(&issue(lifetimes, 999 + 600, 605_799), Duration::from_secs(599));
}

#[test]
fn an_access_token_does_not_outlive_its_session() {
    // The token was signed at 999, the clock reads 1000, and the session was opened at 100.
    for (session_max, expires, left) in [
        (1500, 1599, 599),
        (1499, 1599, 599),
        (1498, 1598, 598),
        (901, 1001, 1),
        (900, 1000, 0),
        (899, 999, 0),
    ] {
        let lifetimes = TokenLifetimes { session_max: Duration::from_secs(session_max), ..LIFETIMES };
        let session_over = 100 + i64::try_from(session_max).unwrap();
        assert_issued(&issue(lifetimes, expires, session_over), Duration::from_secs(left));
    }
}

#[test]
fn lifetimes_saturate_at_the_latest_representable_time() {
    let lifetimes = TokenLifetimes { refresh: Duration::MAX, session_max: Duration::MAX, ..LIFETIMES };
    let mut world = World::default();
    world.sessions.expect_rotate().returning(|_| Ok(RotateOutcome::Rotated(rotated())));
    world.expect_tokens_of(&rotated(), 999 + 600, chrono::DateTime::<chrono::Utc>::MAX_UTC);
    assert_issued(
        &block_on(world.service_with(lifetimes).refresh(claims(), Some(key()))).unwrap(),
        Duration::from_secs(599),
    );
}

#[test]
fn reuse_within_the_grace_period_is_refused_and_ends_nothing() {
    assert_eq!(refusal(refresh(world(RotateOutcome::Reused))), Some("refresh_token_reused"));
}

#[test]
fn theft_revokes_the_access_tokens_of_the_session() {
    let mut world = world(RotateOutcome::Stolen);
    world.ended.expect_mark_ended().with(eq(SESSION)).once().return_const(());
    assert_eq!(refusal(refresh(world)), Some("refresh_token_reused"));
}

#[test]
fn a_session_that_is_over_is_not_refreshed() {
    assert_eq!(refusal(refresh(world(RotateOutcome::Over))), Some("session_ended"));
}

#[test]
fn errors_of_refreshing_are_passed_on() {
    let mut world = World::default();
    world.sessions.expect_rotate().once().returning(|_| Err(fault()));
    assert_fault(refresh(world));
}
