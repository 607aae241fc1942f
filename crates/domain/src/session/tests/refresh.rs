use std::time::Duration;

use mockall::predicate::eq;
use mockall::{Sequence, predicate::always};
use pollster::block_on;

use super::{ACCESS, LIFETIMES, NOW, SESSION, World, assert_issued, secret, session};
use crate::clock::MockClock;
use crate::session::{
    AccessClaims, Caller, EndReason, Generation, IssuedTokens, RefreshClaims, RotateOutcome, Session,
    SessionError, TokenLifetimes, TokenRefusal,
};
use crate::testing::{assert_fault, at, fault, refusal, user};

const CALLER: Caller = Caller { user_id: user(1), session_id: SESSION };

fn claims() -> RefreshClaims {
    RefreshClaims {
        user_id: user(1),
        session_id: SESSION,
        generation: Generation::new(4),
        issued_at: at(900),
        expires_at: at(605_700),
    }
}

fn rotated() -> Session {
    Session { generation: Generation::new(5), refreshed_at: at(999), created_at: at(100), ..session() }
}

/// A world in which the refresh token is read once, and the session that it names is asked to move on once.
fn world(outcome: RotateOutcome) -> World {
    let mut world = World::default();
    let read = world.tokens.expect_read_refresh().with(eq("a.b.c"), eq(at(NOW)));
    read.once().returning(|_, _| Ok(claims()));
    let expected = world.sessions.expect_rotate().withf(|order| {
        order.claims == claims()
            && order.policy.reuse_grace == LIFETIMES.reuse_grace
            && order.policy.session_max == LIFETIMES.session_max
    });
    expected.once().return_once(|_| Ok(outcome));
    world
}

fn refresh(world: World) -> Result<IssuedTokens, SessionError> {
    block_on(world.service().refresh(&secret("a.b.c")))
}

/// The tokens of a session that was opened at 100 and moved on at 999, under these settings.
fn issue(lifetimes: TokenLifetimes, access_expires: i64, refresh_expires: i64) -> IssuedTokens {
    let mut world = World::default();
    world.tokens.expect_read_refresh().returning(|_, _| Ok(claims()));
    world.sessions.expect_rotate().returning(|_| Ok(RotateOutcome::Rotated(rotated())));
    world.expect_tokens_of(&rotated(), access_expires, at(refresh_expires));
    block_on(world.service_with(lifetimes).refresh(&secret("a.b.c"))).unwrap()
}

#[test]
fn a_good_refresh_token_is_exchanged_for_the_next_pair() {
    let mut world = world(RotateOutcome::Rotated(rotated()));
    world.expect_tokens_of(&rotated(), NOW + 600, at(999 + 604_800));
    assert_issued(&refresh(world).unwrap(), ACCESS);
}

#[test]
fn a_refresh_token_does_not_outlive_its_session() {
    // The session that was opened at 100 is over at 605,000, before the token of 999 would be.
    let lifetimes = TokenLifetimes { session_max: Duration::from_secs(604_900), ..LIFETIMES };
    assert_issued(&issue(lifetimes, NOW + 600, 605_000), ACCESS);
}

#[test]
fn a_refresh_token_lasts_its_own_time_within_its_session() {
    let lifetimes = TokenLifetimes { session_max: Duration::from_secs(605_700), ..LIFETIMES };
    assert_issued(&issue(lifetimes, NOW + 600, 605_799), ACCESS);
}

#[test]
fn an_access_token_does_not_outlive_its_session() {
    for (session_max, left) in [(1500, 600), (1499, 599), (901, 1), (900, 0), (899, 0)] {
        let lifetimes = TokenLifetimes { session_max: Duration::from_secs(session_max), ..LIFETIMES };
        let session_over = 100 + i64::try_from(session_max).unwrap();
        let access_expires = NOW + i64::try_from(left).unwrap();
        assert_issued(&issue(lifetimes, access_expires, session_over), Duration::from_secs(left));
    }
}

#[test]
fn lifetimes_beyond_the_end_of_time_end_with_it() {
    let lifetimes = TokenLifetimes { refresh: Duration::MAX, session_max: Duration::MAX, ..LIFETIMES };
    let mut world = World::default();
    world.tokens.expect_read_refresh().returning(|_, _| Ok(claims()));
    world.sessions.expect_rotate().returning(|_| Ok(RotateOutcome::Rotated(rotated())));
    world.expect_tokens_of(&rotated(), NOW + 600, chrono::DateTime::<chrono::Utc>::MAX_UTC);
    assert_issued(&block_on(world.service_with(lifetimes).refresh(&secret("a.b.c"))).unwrap(), ACCESS);
}

#[test]
fn a_token_that_was_used_a_moment_ago_is_refused_and_ends_nothing() {
    assert_eq!(refusal(refresh(world(RotateOutcome::Reused))), Some("refresh_token_reused"));
}

#[test]
fn theft_makes_the_sessions_access_tokens_refused() {
    let mut world = world(RotateOutcome::Stolen);
    world.ended.expect_remember().with(eq(SESSION), eq(at(NOW + 600))).once().return_const(());
    assert_eq!(refusal(refresh(world)), Some("refresh_token_reused"));
}

#[test]
fn theft_covers_the_tokens_that_were_signed_while_it_was_found_out() {
    let mut clock = MockClock::new();
    let mut order = Sequence::new();
    clock.expect_now().once().in_sequence(&mut order).return_const(at(NOW));
    clock.expect_now().once().in_sequence(&mut order).return_const(at(NOW + 5));
    let mut world = world(RotateOutcome::Stolen);
    world.ended.expect_remember().with(eq(SESSION), eq(at(NOW + 605))).once().return_const(());
    let service = world.service_by(clock, LIFETIMES);
    assert_eq!(refusal(block_on(service.refresh(&secret("a.b.c")))), Some("refresh_token_reused"));
}

#[test]
fn a_session_that_is_over_is_not_refreshed() {
    assert_eq!(refusal(refresh(world(RotateOutcome::Over))), Some("session_ended"));
}

#[test]
fn a_refresh_token_that_is_refused_moves_nothing() {
    for (token, name) in [(TokenRefusal::Invalid, "invalid_token"), (TokenRefusal::Expired, "token_expired")]
    {
        let mut world = World::default();
        world.tokens.expect_read_refresh().once().return_once(move |_, _| Err(token));
        assert_eq!(refusal(refresh(world)), Some(name));
    }
}

#[test]
fn a_fault_in_refreshing_is_passed_on() {
    let mut world = World::default();
    world.tokens.expect_read_refresh().returning(|_, _| Ok(claims()));
    world.sessions.expect_rotate().once().returning(|_| Err(fault()));
    assert_fault(refresh(world));
}

#[test]
fn logging_out_ends_the_session_and_then_refuses_its_access_tokens() {
    let mut world = World::default();
    let mut order = Sequence::new();
    let end = world.sessions.expect_end().with(eq(SESSION), eq(user(1)), eq(EndReason::Logout));
    end.once().in_sequence(&mut order).returning(|_, _, _| Ok(()));
    let remember = world.ended.expect_remember().with(eq(SESSION), eq(at(NOW + 600)));
    remember.once().in_sequence(&mut order).return_const(());
    assert_eq!(refusal(block_on(world.service().logout(CALLER))), None);
}

#[test]
fn a_session_that_could_not_be_ended_is_not_refused() {
    let mut world = World::default();
    world.sessions.expect_end().once().returning(|_, _, _| Err(fault()));
    world.ended.expect_remember().never();
    assert_fault(block_on(world.service().logout(CALLER)));
}

fn authenticate(prepare: impl FnOnce(&mut World)) -> Result<Caller, SessionError> {
    let mut world = World::default();
    prepare(&mut world);
    world.service().authenticate("a.b.c")
}

fn access() -> AccessClaims {
    AccessClaims { user_id: user(1), session_id: SESSION, issued_at: at(900), expires_at: at(1500) }
}

#[test]
fn an_access_token_tells_who_calls_by_which_session() {
    let caller = authenticate(|world| {
        let read = world.tokens.expect_read_access().with(eq("a.b.c"), eq(at(NOW)));
        read.once().returning(|_, _| Ok(access()));
        world.ended.expect_contains().with(eq(SESSION), eq(at(NOW))).once().return_const(false);
    });
    assert_eq!(caller.unwrap(), CALLER);
}

#[test]
fn the_access_token_of_an_ended_session_is_refused() {
    let caller = authenticate(|world| {
        world.tokens.expect_read_access().returning(|_, _| Ok(access()));
        world.ended.expect_contains().with(eq(SESSION), always()).once().return_const(true);
    });
    assert_eq!(refusal(caller), Some("session_ended"));
}

#[test]
fn an_access_token_that_is_refused_names_nobody() {
    for (token, name) in [(TokenRefusal::Invalid, "invalid_token"), (TokenRefusal::Expired, "token_expired")]
    {
        let caller = authenticate(|world| {
            world.tokens.expect_read_access().once().return_once(move |_, _| Err(token));
        });
        assert_eq!(refusal(caller), Some(name));
    }
}
