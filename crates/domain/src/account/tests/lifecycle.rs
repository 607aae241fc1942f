use std::sync::Arc;
use std::time::Duration;

use mockall::Sequence;
use mockall::predicate::eq;
use pollster::block_on;
use secrecy::SecretString;
use uuid::Uuid;

use crate::account::{
    AccountState, Credentials, ErasureService, ErasureStage, ErasureStep, LifecycleError, LifecyclePorts,
    LifecycleService, LoginIdentifier, MockErasureRepository, MockLifecycleRepository, MockPasswordHasher,
    MockPasswordUpgrades, MockUserRepository, Nickname, PasswordAttempt, PasswordHash, StateChange, Uid,
    User,
};
use crate::auth::tests::Audited;
use crate::auth::{
    Caller, MockEndedSessions, MockSessionRepository, MockTokenCodec, SessionPorts, SessionService,
    TokenLifetimes,
};
use crate::error::{ErrorKind, PortError};
use crate::id::SessionId;
use crate::known_device::MockKnownDevices;
use crate::login_throttle::{AttemptAdmission, MockLoginThrottle};
use crate::testing::{FixedClock, assert_catalogue, assert_fault, at, fault, refusal, user};

const CALLER: Caller = Caller { user_id: user(1), session_id: session(66) };

const fn session(number: u128) -> SessionId {
    SessionId::from_uuid(Uuid::from_u128(number))
}

#[derive(Default)]
struct World {
    accounts: MockLifecycleRepository,
    users: MockUserRepository,
    throttle: MockLoginThrottle,
    hasher: MockPasswordHasher,
    ended: MockEndedSessions,
    audited: Audited,
}

impl World {
    /// A world in which the hasher has capacity.
    fn admitting() -> Self {
        let mut world = Self::default();
        world.hasher.expect_check_capacity().once().returning(|_| Ok(()));
        world
    }

    /// A world in which the typed password is verified once, as right or wrong.
    fn typed(right: bool) -> Self {
        let mut world = Self::admitting();
        let goose = User {
            id: user(1),
            uid: Uid::parse("goose_11").unwrap(),
            name: Nickname::parse("雁").unwrap(),
            phone_number: None,
            created_at: at(0),
        };
        world.throttle.expect_count().once().returning(|_| Ok(AttemptAdmission::Admitted));
        world.throttle.expect_release().times(usize::from(right)).returning(|_, _| Ok(()));
        let account = LoginIdentifier::Account(user(1));
        world.users.expect_credentials().with(eq(account)).once().returning(move |_| {
            let password_hash = PasswordHash::new("hash".to_owned());
            Ok(Some(Credentials { user: goose.clone(), password_hash }))
        });
        world.hasher.expect_verify().once().returning(move |_, _, hash| Ok(right && hash.is_some()));
        world
    }

    fn service(self) -> LifecycleService {
        let ports = SessionPorts {
            users: Arc::new(self.users),
            sessions: Arc::new(MockSessionRepository::new()),
            throttle: Arc::new(self.throttle),
            known_devices: Arc::new(MockKnownDevices::new()),
            hasher: Arc::new(self.hasher),
            upgrades: Arc::new(MockPasswordUpgrades::new()),
            audit: Arc::new(self.audited),
            tokens: Arc::new(MockTokenCodec::new()),
            ended: Arc::new(MockEndedSessions::new()),
            clock: Arc::new(FixedClock(at(0))),
        };
        let second = Duration::from_secs(1);
        let lifetimes =
            TokenLifetimes { access: second, refresh: second, session_max: second, reuse_grace: second };
        LifecycleService::new(LifecyclePorts {
            accounts: Arc::new(self.accounts),
            sessions: Arc::new(SessionService::new(ports, lifetimes)),
            ended: Arc::new(self.ended),
        })
    }

    fn expect_refused_tokens_of(&mut self, sessions: impl IntoIterator<Item = SessionId>) {
        for session in sessions {
            self.ended.expect_mark_ended().with(eq(session)).once().return_const(());
        }
    }
}

fn attempt() -> PasswordAttempt {
    PasswordAttempt::new(&SecretString::from("typed"))
}

#[test]
fn every_refusal_has_its_class_and_its_name() {
    assert_catalogue([
        (LifecycleError::UnknownUser, ErrorKind::Invalid, "unknown_user"),
        (PortError::internal("broken").into(), ErrorKind::Internal, "internal_error"),
    ]);
}

#[test]
fn an_account_toggles_between_active_and_disabled_until_erased() {
    use AccountState::{Active, Disabled, Erased};
    for (state, disabled, enabled, erased, erased_by_operator) in [
        (Active, Some(Disabled), Some(Active), Some(Erased), Some(Erased)),
        (Disabled, Some(Disabled), Some(Active), None, Some(Erased)),
        (Erased, None, None, None, None),
    ] {
        let after = (state.disable(), state.enable(), state.erase(), state.erase_by_operator());
        assert_eq!(after, (disabled, enabled, erased, erased_by_operator));
    }
}

#[test]
fn shared_content_is_deleted_in_the_last_stage() {
    assert_eq!(ErasureStage::FIRST, ErasureStage::Relations);
    assert_eq!(ErasureStage::Relations.next(), Some(ErasureStage::Content));
    assert_eq!(ErasureStage::Content.next(), None);
}

#[test]
fn erasing_ends_all_sessions_of_the_account() {
    let mut world = World::typed(true);
    let sessions = vec![session(66), session(67)];
    world.expect_refused_tokens_of(sessions.clone());
    world.accounts.expect_erase().with(eq(CALLER)).once().returning(move |_| Ok(Some(sessions.clone())));
    assert_eq!(refusal(block_on(world.service().erase(CALLER, &attempt()))), None);
}

#[test]
fn a_wrong_password_erases_nothing() {
    let world = World::typed(false);
    assert_eq!(refusal(block_on(world.service().erase(CALLER, &attempt()))), Some("invalid_credentials"));
}

#[test]
fn too_many_wrong_passwords_delay_an_erasure() {
    let mut world = World::admitting();
    let retry_after = Duration::from_secs(5);
    world.throttle.expect_count().once().returning(move |_| Ok(AttemptAdmission::Refused { retry_after }));
    assert_eq!(refusal(block_on(world.service().erase(CALLER, &attempt()))), Some("too_many_attempts"));
}

#[test]
fn an_erased_account_is_not_erased_twice() {
    let mut world = World::typed(true);
    world.accounts.expect_erase().once().returning(|_| Ok(None));
    assert_eq!(refusal(block_on(world.service().erase(CALLER, &attempt()))), Some("session_ended"));
}

#[test]
fn disabling_ends_sessions_and_enabling_restores_none() {
    let mut world = World::default();
    world.expect_refused_tokens_of([session(1)]);
    world
        .accounts
        .expect_disable()
        .with(eq(user(2)))
        .once()
        .returning(|_| Ok(StateChange::Done(vec![session(1)])));
    world.accounts.expect_enable().with(eq(user(2))).once().returning(|_| Ok(StateChange::Done(vec![])));
    let service = world.service();
    assert_eq!(refusal(block_on(service.disable(user(2)))), None);
    assert_eq!(refusal(block_on(service.enable(user(2)))), None);
}

#[test]
fn an_operator_erases_without_a_password_and_ends_sessions() {
    let mut world = World::default();
    world.expect_refused_tokens_of([session(1)]);
    let erase = world.accounts.expect_erase_by_operator().with(eq(user(2))).once();
    erase.returning(|_| Ok(StateChange::Done(vec![session(1)])));
    assert_eq!(refusal(block_on(world.service().erase_by_operator(user(2)))), None);
}

#[test]
fn an_unknown_account_is_neither_disabled_nor_enabled_nor_erased() {
    let mut world = World::default();
    world.accounts.expect_disable().returning(|_| Ok(StateChange::UnknownUser));
    world.accounts.expect_enable().returning(|_| Ok(StateChange::UnknownUser));
    world.accounts.expect_erase_by_operator().returning(|_| Ok(StateChange::UnknownUser));
    let service = world.service();
    assert_eq!(refusal(block_on(service.disable(user(2)))), Some("unknown_user"));
    assert_eq!(refusal(block_on(service.enable(user(2)))), Some("unknown_user"));
    assert_eq!(refusal(block_on(service.erase_by_operator(user(2)))), Some("unknown_user"));
}

#[test]
fn a_fault_below_is_passed_on() {
    let mut world = World::typed(true);
    world.accounts.expect_erase().returning(|_| Err(fault()));
    world.accounts.expect_disable().returning(|_| Err(fault()));
    world.accounts.expect_enable().returning(|_| Err(fault()));
    world.accounts.expect_erase_by_operator().returning(|_| Err(fault()));
    let service = world.service();
    assert_fault(block_on(service.erase(CALLER, &attempt())));
    assert_fault(block_on(service.disable(user(2))));
    assert_fault(block_on(service.enable(user(2))));
    assert_fault(block_on(service.erase_by_operator(user(2))));
}

#[test]
fn erasures_advance_round_robin() {
    let (mut erasures, mut turns) = (MockErasureRepository::new(), Sequence::new());
    for (after, found) in
        [(None, Some(2)), (Some(2), Some(5)), (Some(5), None), (None, Some(2)), (Some(2), None), (None, None)]
    {
        erasures
            .expect_pending()
            .with(eq(after.map(user)))
            .once()
            .in_sequence(&mut turns)
            .returning(move |_| Ok(found.map(user)));
    }
    erasures.expect_step().with(eq(user(2))).times(2).returning(|_| Ok(ErasureStep::More));
    erasures.expect_step().with(eq(user(5))).once().returning(|_| Ok(ErasureStep::Finished));
    let service = ErasureService::new(Arc::new(erasures));
    let advance = |after: Option<u128>| {
        let advance = block_on(service.advance(after.map(user))).unwrap();
        advance.map(|advance| (advance.user, advance.step.unwrap()))
    };
    assert_eq!(advance(None), Some((user(2), ErasureStep::More)));
    assert_eq!(advance(Some(2)), Some((user(5), ErasureStep::Finished)));
    assert_eq!(advance(Some(5)), Some((user(2), ErasureStep::More)), "wraps around to the first");
    assert_eq!(advance(Some(2)), None);
}

#[test]
fn without_erasures_one_look_is_enough() {
    let mut erasures = MockErasureRepository::new();
    erasures.expect_pending().once().returning(|_| Ok(None));
    assert!(block_on(ErasureService::new(Arc::new(erasures)).advance(None)).unwrap().is_none());
}

#[test]
fn a_failed_erasure_step_is_reported_with_its_account() {
    let mut erasures = MockErasureRepository::new();
    erasures.expect_pending().returning(|_| Ok(Some(user(3))));
    erasures.expect_step().returning(|_| Err(fault()));
    let service = ErasureService::new(Arc::new(erasures));
    let advance = block_on(service.advance(None)).unwrap().unwrap();
    assert_eq!(advance.user, user(3));
    assert_eq!(advance.step.map_err(|error| error.to_string()), Err(fault().to_string()));
    let mut erasures = MockErasureRepository::new();
    erasures.expect_pending().returning(|_| Err(fault()));
    assert_fault(block_on(ErasureService::new(Arc::new(erasures)).advance(None)));
}
