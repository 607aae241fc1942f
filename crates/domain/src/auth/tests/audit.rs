//! Which audit records logins, password changes and ended sessions leave.

use std::num::NonZeroU32;

use mockall::predicate::eq;
use pollster::block_on;

use super::{CALLER, SESSION, World, goose, secret, session};
use crate::account::{Credentials, Password, PasswordAttempt, PasswordHash};
use crate::audit::{AuditEvent, AuditRecord};
use crate::auth::{
    EndReason, Generation, Login, OpenedSession, PasswordChangeOutcome, RefreshClaims, RotateOutcome,
    SessionError,
};
use crate::id::SessionId;
use crate::known_device::{ClientDevice, KnownDevice};
use crate::login_throttle::{AttemptAdmission, ClientAddress, EnteredIdentifier};
use crate::testing::{at, refusal, user};

fn client() -> ClientDevice {
    ClientDevice { address: ClientAddress::new([192, 0, 2, 7].into()), ..ClientDevice::default() }
}

/// A record about the account of the tests.
fn about(event: AuditEvent) -> AuditRecord {
    AuditRecord::of(event).account(user(1))
}

/// A world in which the account exists or not, and each attempt is admitted and verified as right or wrong.
fn world(exists: bool, right: bool) -> World {
    let mut world = World::default();
    world.hasher.expect_check_capacity().returning(|_| Ok(()));
    world.throttle.expect_count().returning(|_| Ok(AttemptAdmission::Admitted));
    world.throttle.expect_release().returning(|_, _| Ok(()));
    let credentials = Credentials { user: goose(), password_hash: PasswordHash::new("$2b$hash".to_owned()) };
    world.users.expect_credentials().returning(move |_| Ok(exists.then(|| credentials.clone())));
    world.hasher.expect_verify().returning(move |_, _, _| Ok(right));
    world.tokens.expect_sign_access().returning(|_| Ok("access".into()));
    world.tokens.expect_sign_refresh().returning(|_| Ok("refresh".into()));
    world.sessions.expect_open().returning(|_| Ok(Some(session().into())));
    world.known_devices.expect_remember().returning(|_, _| Ok(()));
    world
}

fn log_in(mut world: World, is_known: bool) -> (Option<&'static str>, Vec<AuditRecord>) {
    let origin = client().origins().remove(0);
    let known = is_known.then(|| KnownDevice { user_id: user(1), origin });
    world.known_devices.expect_recognize().returning(move |_, _| Ok(known.clone()));
    let (audited, identifier) = (world.audited.clone(), EnteredIdentifier::Uid("Goose_1".to_owned()));
    let attempt = PasswordAttempt::new(&secret("correct horse"));
    let login = Login { identifier, attempt, client: client() };
    (refusal(block_on(world.service().login(login))), audited.records())
}

#[test]
fn a_login_is_recorded_with_its_address_and_a_new_device_once_more() {
    let login = |event| about(event).in_session(SESSION).from_address(client().address);
    assert_eq!(log_in(world(true, true), true), (None, vec![login(AuditEvent::Login)]));
    let both = vec![login(AuditEvent::Login), login(AuditEvent::NewDevice)];
    assert_eq!(log_in(world(true, true), false), (None, both));
}

#[test]
fn a_failed_login_is_recorded_with_the_account_if_there_is_one() {
    let failed = AuditRecord::of(AuditEvent::LoginFailed).from_address(client().address);
    let refused = Some("invalid_credentials");
    assert_eq!(log_in(world(true, false), false), (refused, vec![failed.account(user(1))]));
    assert_eq!(log_in(world(false, true), false), (refused, vec![failed]));
}

#[test]
fn a_changed_and_a_refused_password_are_recorded() {
    let new = || Password::parse(secret("battery staple")).unwrap();
    for (right, event) in [(true, AuditEvent::PasswordChanged), (false, AuditEvent::PasswordRefused)] {
        let mut world = world(true, right);
        let audited = world.audited.clone();
        world.hasher.expect_hash().returning(|_, _| Ok(PasswordHash::new("$2b$new".to_owned())));
        world
            .sessions
            .expect_change_password()
            .returning(|_| Ok(PasswordChangeOutcome::Changed { session: session(), ended: Vec::new() }));
        let attempt = PasswordAttempt::new(&secret("correct horse"));
        let changed = block_on(world.service().change_password(CALLER, &attempt, &new()));
        assert_eq!(changed.is_ok(), right);
        assert_eq!(audited.records(), [about(event).in_session(SESSION)]);
    }
}

#[test]
fn a_login_beyond_the_limit_ends_and_records_the_displaced_session() {
    let displaced = SessionId::from_uuid(uuid::Uuid::from_u128(77));
    let mut world = World::admitting();
    let audited = world.audited.clone();
    world.throttle.expect_count().returning(|_| Ok(AttemptAdmission::Admitted));
    world.throttle.expect_release().returning(|_, _| Ok(()));
    let credentials = Credentials { user: goose(), password_hash: PasswordHash::new("$2b$hash".to_owned()) };
    world.users.expect_credentials().returning(move |_| Ok(Some(credentials.clone())));
    world.hasher.expect_verify().returning(|_, _, _| Ok(true));
    world.known_devices.expect_recognize().returning(|_, _| Ok(None));
    world.known_devices.expect_remember().returning(|_, _| Ok(()));
    world.tokens.expect_sign_access().returning(|_| Ok("access".into()));
    world.tokens.expect_sign_refresh().returning(|_| Ok("refresh".into()));
    let limited = world.sessions.expect_open().withf(|new| new.most_open == NonZeroU32::new(2));
    limited.returning(move |_| Ok(Some(OpenedSession { session: session(), displaced: vec![displaced] })));
    world.ended.expect_mark_ended().with(eq(displaced)).once().return_const(());
    let attempt = PasswordAttempt::new(&secret("correct horse"));
    let login = Login { identifier: EnteredIdentifier::Uid("Goose_1".to_owned()), attempt, client: client() };
    let service = world.service().keeping_open(NonZeroU32::new(2));
    assert!(block_on(service.login(login)).is_ok());
    let ended = about(AuditEvent::SessionEnded(EndReason::Displaced)).in_session(displaced);
    assert_eq!(audited.records()[0], ended);
}

#[test]
fn each_ended_session_is_recorded_with_the_reason() {
    let ended = |reason| [about(AuditEvent::SessionEnded(reason)).in_session(SESSION)];
    let world = || {
        let mut world = World::default();
        world.sessions.expect_end().returning(|_, _, _| Ok(true));
        world.sessions.expect_end_others().returning(|_| Ok(vec![SESSION]));
        world.ended.expect_mark_ended().return_const(());
        world
    };
    for (end, reason) in [(0, EndReason::Logout), (1, EndReason::EndedByOwner), (2, EndReason::EndedByOwner)]
    {
        let world = world();
        let audited = world.audited.clone();
        let service = world.service();
        let done: Result<(), SessionError> = match end {
            0 => block_on(service.logout(CALLER)),
            1 => block_on(service.end(CALLER, SESSION)),
            _ => block_on(service.end_others(CALLER)),
        };
        assert!(done.is_ok());
        assert_eq!(audited.records(), ended(reason));
    }
}

#[test]
fn theft_of_a_refresh_token_is_recorded() {
    let mut world = World::default();
    let audited = world.audited.clone();
    world.sessions.expect_rotate().returning(|_| Ok(RotateOutcome::Stolen));
    world.ended.expect_mark_ended().return_const(());
    let (session_id, issued_at, expires_at) = (SESSION, at(0), at(2000));
    let claims =
        RefreshClaims { user_id: user(1), session_id, generation: Generation::FIRST, issued_at, expires_at };
    assert_eq!(refusal(block_on(world.service().refresh(claims, None))), Some("refresh_token_reused"));
    assert_eq!(audited.records(), [about(AuditEvent::RefreshTokenStolen).in_session(SESSION)]);
}
