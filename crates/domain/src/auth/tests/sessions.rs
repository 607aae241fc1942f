//! Listing sessions and ending them.

use std::time::Duration;

use mockall::Sequence;
use mockall::predicate::eq;
use pollster::block_on;
use uuid::Uuid;

use super::{CALLER, LIFETIMES, SESSION, World};
use crate::auth::{DeviceName, EndReason, OpenSession, SessionLimits, SessionPageRequest, TokenLifetimes};
use crate::id::SessionId;
use crate::page::Page;
use crate::testing::{assert_fault, at, fault, refusal, user};

const OTHER: SessionId = SessionId::from_uuid(Uuid::from_u128(67));
const THIRD: SessionId = SessionId::from_uuid(Uuid::from_u128(68));

#[test]
fn logging_out_ends_the_session_and_then_revokes_its_tokens() {
    let mut world = World::default();
    let mut order = Sequence::new();
    let end = world.sessions.expect_end().with(eq(SESSION), eq(user(1)), eq(EndReason::Logout));
    end.once().in_sequence(&mut order).returning(|_, _, _| Ok(true));
    let mark_ended = world.ended.expect_mark_ended().with(eq(SESSION));
    mark_ended.once().in_sequence(&mut order).return_const(());
    assert_eq!(refusal(block_on(world.service().logout(CALLER))), None);
}

#[test]
fn a_session_that_could_not_be_ended_is_not_marked_as_ended() {
    let mut world = World::default();
    world.sessions.expect_end().once().returning(|_, _, _| Err(fault()));
    world.ended.expect_mark_ended().never();
    assert_fault(block_on(world.service().logout(CALLER)));
}

#[test]
fn logging_out_of_a_session_that_is_over_is_no_error() {
    let mut world = World::default();
    world.sessions.expect_end().once().returning(|_, _, _| Ok(false));
    world.ended.expect_mark_ended().once().return_const(());
    assert_eq!(refusal(block_on(world.service().logout(CALLER))), None);
}

#[test]
fn a_session_is_listed_while_any_of_its_tokens_can_be_valid() {
    let page = Page {
        items: vec![OpenSession {
            id: SESSION,
            device: DeviceName::from_user_agent("goose/1.0"),
            created_at: at(998),
            last_used_at: at(999),
        }],
        next: None,
    };
    let seconds = Duration::from_secs;
    for (access, refresh, idle) in [(600, 604_800, 604_800), (700, 600, 700)] {
        let lifetimes = TokenLifetimes { access: seconds(access), refresh: seconds(refresh), ..LIFETIMES };
        let open_for = SessionLimits { life: LIFETIMES.session_max, idle: seconds(idle) };
        let (mut world, listed) = (World::default(), page.clone());
        let expected =
            world.sessions.expect_list().with(eq(user(1)), eq(open_for), eq(SessionPageRequest::default()));
        expected.once().return_once(move |_, _, _| Ok(listed));
        let service = world.service_with(lifetimes);
        assert_eq!(block_on(service.list(user(1), &SessionPageRequest::default())).unwrap(), page);
    }
    let mut world = World::default();
    world.sessions.expect_list().once().returning(|_, _, _| Err(fault()));
    assert_fault(block_on(world.service().list(user(1), &SessionPageRequest::default())));
}

#[test]
fn ending_an_own_session_then_revokes_its_access_tokens() {
    let mut world = World::default();
    let mut order = Sequence::new();
    let end = world.sessions.expect_end().with(eq(OTHER), eq(user(1)), eq(EndReason::EndedByOwner));
    end.once().in_sequence(&mut order).returning(|_, _, _| Ok(true));
    let mark_ended = world.ended.expect_mark_ended().with(eq(OTHER));
    mark_ended.once().in_sequence(&mut order).return_const(());
    assert_eq!(refusal(block_on(world.service().end(CALLER, OTHER))), None);
}

#[test]
fn only_an_open_session_of_the_own_account_can_be_ended() {
    let mut world = World::default();
    world.sessions.expect_end().once().returning(|_, _, _| Ok(false));
    assert_eq!(refusal(block_on(world.service().end(CALLER, OTHER))), Some("unknown_session"));
    let mut world = World::default();
    world.sessions.expect_end().once().returning(|_, _, _| Err(fault()));
    assert_fault(block_on(world.service().end(CALLER, OTHER)));
}

#[test]
fn ending_all_others_revokes_their_access_tokens() {
    let mut world = World::default();
    world.sessions.expect_end_others().with(eq(CALLER)).once().returning(|_| Ok(vec![OTHER, THIRD]));
    for session in [OTHER, THIRD] {
        let mark_ended = world.ended.expect_mark_ended().with(eq(session));
        mark_ended.once().return_const(());
    }
    assert_eq!(refusal(block_on(world.service().end_others(CALLER))), None);
    let mut world = World::default();
    world.sessions.expect_end_others().once().returning(|_| Err(fault()));
    assert_fault(block_on(world.service().end_others(CALLER)));
}
