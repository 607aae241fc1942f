//! Who calls, by which token.

use mockall::predicate::eq;
use pollster::block_on;

use super::{CALLER, NOW, SESSION, World};
use crate::session::{
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
fn an_access_token_tells_who_calls_by_which_session() {
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
fn an_access_token_that_is_refused_names_nobody() {
    for (token, name) in [(TokenRefusal::Invalid, "invalid_token"), (TokenRefusal::Expired, "token_expired")]
    {
        let caller = authenticate(|world| {
            world.tokens.expect_read_access().once().return_once(move |_, _| Err(token));
        });
        assert_eq!(refusal(caller), Some(name));
    }
}

#[test]
fn where_the_session_may_have_ended_the_database_is_asked() {
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
fn nobody_is_let_in_unconfirmed_when_the_database_cannot_be_asked() {
    let mut world = World::default();
    world.sessions.expect_is_open().once().returning(|_| Err(fault()));
    assert_fault(block_on(world.service().confirm(CALLER)));
}

#[test]
fn a_refresh_token_tells_which_session_it_renews() {
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
fn a_refresh_token_that_is_refused_names_no_session() {
    for (token, name) in [(TokenRefusal::Invalid, "invalid_token"), (TokenRefusal::Expired, "token_expired")]
    {
        let mut world = World::default();
        world.tokens.expect_read_refresh().once().return_once(move |_, _| Err(token));
        assert_eq!(refusal(world.service().read_refresh_token("a.b.c")), Some(name));
    }
}
