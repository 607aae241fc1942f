//! Authentication by tokens.

use mockall::predicate::eq;
use pollster::block_on;

use super::{CALLER, NOW, SESSION, World};
use crate::auth::{
    AccessClaims, Authentication, Generation, RefreshClaims, SessionError, SessionStatus, TokenRefusal,
};
use crate::testing::{assert_fault, at, fault, refusal, user};

fn authenticate(prepare: impl FnOnce(&mut World)) -> Result<Authentication, SessionError> {
    let mut world = World::default();
    prepare(&mut world);
    world.service().authenticate("a.b.c")
}

fn access() -> AccessClaims {
    AccessClaims { user_id: user(1), session_id: SESSION, issued_at: at(900), expires_at: at(1500) }
}

#[test]
fn an_access_token_identifies_the_account_and_the_session() {
    let caller = authenticate(|world| {
        let read = world.tokens.expect_read_access().with(eq("a.b.c"), eq(at(NOW)));
        read.once().returning(|_, _| Ok(access()));
        world.ended.expect_status().with(eq(SESSION)).once().return_const(SessionStatus::Open);
    });
    assert_eq!(caller.unwrap(), Authentication::Verified(CALLER));
}

#[test]
fn the_access_token_of_an_ended_session_is_refused() {
    let caller = authenticate(|world| {
        world.tokens.expect_read_access().returning(|_, _| Ok(access()));
        world.ended.expect_status().with(eq(SESSION)).once().return_const(SessionStatus::Ended);
    });
    assert_eq!(refusal(caller), Some("session_ended"));
}

#[test]
fn a_refused_access_token_identifies_no_account() {
    for (token, name) in [(TokenRefusal::Invalid, "invalid_token"), (TokenRefusal::Expired, "token_expired")]
    {
        let caller = authenticate(|world| {
            world.tokens.expect_read_access().once().return_once(move |_, _| Err(token));
        });
        assert_eq!(refusal(caller), Some(name));
    }
}

#[test]
fn a_session_of_unknown_status_is_looked_up_in_the_database() {
    let caller = authenticate(|world| {
        world.tokens.expect_read_access().returning(|_, _| Ok(access()));
        world.ended.expect_status().once().return_const(SessionStatus::Unknown);
    });
    assert_eq!(caller.unwrap(), Authentication::NeedsLookup(CALLER));
    let confirm = |open: bool| {
        let mut world = World::default();
        world.sessions.expect_is_open().with(eq(CALLER)).once().returning(move |_| Ok(open));
        block_on(world.service().confirm(CALLER))
    };
    assert_eq!(confirm(true).unwrap(), CALLER);
    assert_eq!(refusal(confirm(false)), Some("session_ended"));
}

#[test]
fn an_unconfirmed_caller_is_refused_when_the_lookup_fails() {
    let mut world = World::default();
    world.sessions.expect_is_open().once().returning(|_| Err(fault()));
    assert_fault(block_on(world.service().confirm(CALLER)));
}

#[test]
fn a_refresh_token_identifies_its_session_and_generation() {
    let claims = RefreshClaims {
        user_id: user(1),
        session_id: SESSION,
        generation: Generation::new(4),
        issued_at: at(900),
        expires_at: at(605_700),
    };
    let mut world = World::default();
    let read = world.tokens.expect_read_refresh().with(eq("a.b.c"), eq(at(NOW)));
    read.once().returning(move |_, _| Ok(claims));
    assert_eq!(world.service().read_refresh_token("a.b.c").unwrap(), claims);
}

#[test]
fn a_refused_refresh_token_identifies_no_session() {
    for (token, name) in [(TokenRefusal::Invalid, "invalid_token"), (TokenRefusal::Expired, "token_expired")]
    {
        let mut world = World::default();
        world.tokens.expect_read_refresh().once().return_once(move |_, _| Err(token));
        assert_eq!(refusal(world.service().read_refresh_token("a.b.c")), Some(name));
    }
}
