//! Registration.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use mockall::predicate::eq;
use mockall::{Sequence, predicate::always};
use pollster::block_on;

use crate::account::{
    HashingTurn, MockPasswordHasher, MockRandomSource, MockUserRepository, NewUser, Nickname, Password,
    PasswordHash, PhoneNumber, RegisterOutcome, Registration, RegistrationError, RegistrationMode,
    RegistrationPolicy, RegistrationPorts, RegistrationService, Uid,
};
use crate::auth::tests::{LEFT, World as AuthWorld, assert_issued, goose, secret, session, uid};
use crate::auth::{DeviceName, LoggedIn};
use crate::error::PortError;
use crate::invite::{InviteCode, MockInviteRepository};
use crate::known_device::ClientDevice;
use crate::login_throttle::ClientAddress;
use crate::quota::MockRegistrationQuota;
use crate::testing::{assert_fault, at, fault, refusal};

/// Mocks of all ports. They refuse calls that a test does not expect.
struct World {
    users: MockUserRepository,
    hasher: MockPasswordHasher,
    random: MockRandomSource,
    invites: MockInviteRepository,
    quota: Option<MockRegistrationQuota>,
    policy: RegistrationPolicy,
    auth: AuthWorld,
}

impl Default for World {
    fn default() -> Self {
        Self {
            users: MockUserRepository::new(),
            hasher: MockPasswordHasher::new(),
            random: MockRandomSource::new(),
            invites: MockInviteRepository::new(),
            quota: None,
            policy: RegistrationPolicy::of_clients(RegistrationMode::Open),
            auth: AuthWorld::default(),
        }
    }
}

impl World {
    fn service(self) -> RegistrationService {
        let ports = RegistrationPorts {
            users: Arc::new(self.users),
            hasher: Arc::new(self.hasher),
            random: Arc::new(self.random),
            invites: Arc::new(self.invites),
            sessions: Arc::new(self.auth.service()),
            quota: self.quota.map(|quota| Arc::new(quota) as _),
        };
        RegistrationService::new(ports, self.policy)
    }
}

const CODE: &str = "abcdefghijkmnpqrstuv";

fn registration(uid: Option<Uid>) -> Registration {
    Registration {
        name: Nickname::parse("雁").unwrap(),
        password: Password::parse(secret("correct horse")).unwrap(),
        uid,
        phone_number: Some(PhoneNumber::parse("13800138000").unwrap()),
        invite: InviteCode::parse(CODE),
    }
}

const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

fn client() -> ClientDevice {
    let (name, address) = (DeviceName::from_user_agent("goose/1.0"), ClientAddress::new(ADDRESS));
    ClientDevice { name, id: None, address }
}

fn register(mut world: World, uid: Option<Uid>) -> Result<LoggedIn, RegistrationError> {
    let remembered = world.auth.known_devices.expect_remember();
    remembered.withf(|user, from| *user == goose().id && from == client().origins()).returning(|_, _| Ok(()));
    block_on(world.service().register(registration(uid), &client()))
}

/// A world in which the password is hashed exactly once.
fn world() -> World {
    let mut world = World::default();
    let expected = world.hasher.expect_hash().withf(|turn, password| {
        *turn == HashingTurn::Registration(client().address) && password.expose() == "correct horse"
    });
    expected.once().returning(|_, _| Ok(PasswordHash::new("$2b$hash".to_owned())));
    world
}

/// Whether `user` matches [`registration`] under this uid.
fn is_registered_as(user: &NewUser, uid: &str) -> bool {
    let wanted = registration(None);
    user.uid.as_str() == uid
        && user.name == wanted.name
        && user.phone_number == wanted.phone_number
        && user.password_hash.expose() == "$2b$hash"
}

fn expect_attempt(
    users: &mut MockUserRepository,
    order: &mut Sequence,
    uid: &'static str,
    outcome: RegisterOutcome,
) {
    let expected = users.expect_register().withf(move |user, _| is_registered_as(user, uid));
    expected.once().in_sequence(order).return_once(|_, _| Ok(outcome));
}

#[test]
fn registering_makes_the_account_and_logs_it_in() {
    let mut world = world();
    let expected = world
        .users
        .expect_register()
        .withf(|user, used| is_registered_as(user, "Goose_1") && *used == client().name);
    expected.once().returning(|_, _| Ok(RegisterOutcome::Registered(goose(), session())));
    world.auth.expect_tokens_of(&session(), 1598, at(998 + 604_800));
    let logged_in = register(world, Some(uid("Goose_1"))).unwrap();
    assert_eq!(logged_in.user, goose());
    assert_issued(&logged_in.tokens, LEFT);
}

#[test]
fn a_registration_beyond_the_quota_hashes_no_password() {
    let mut world = World::default();
    world.hasher.expect_check_capacity().once().returning(|_| Ok(()));
    let mut quota = MockRegistrationQuota::new();
    let expected = quota.expect_spend().with(eq(ClientAddress::new(ADDRESS)));
    expected.once().returning(|_| Ok(Some(Duration::from_secs(180))));
    world.quota = Some(quota);
    assert_eq!(refusal(register(world, Some(uid("Goose_1")))), Some("registration_quota_used_up"));
}

#[test]
fn a_registration_that_cannot_be_hashed_now_is_not_counted() {
    let mut world = World::default();
    world.hasher.expect_check_capacity().once().returning(|_| Err(fault()));
    world.quota = Some(MockRegistrationQuota::new());
    assert_fault(register(world, Some(uid("Goose_1"))));
}

#[test]
fn the_device_that_registers_is_known() {
    let mut world = world();
    world
        .users
        .expect_register()
        .once()
        .returning(|_, _| Ok(RegisterOutcome::Registered(goose(), session())));
    world.auth.expect_tokens_of(&session(), 1598, at(998 + 604_800));
    let remembered = world.auth.known_devices.expect_remember();
    remembered
        .withf(|user, from| *user == goose().id && from == client().origins())
        .once()
        .returning(|_, _| Ok(()));
    assert!(block_on(world.service().register(registration(Some(uid("Goose_1"))), &client())).is_ok());
}

#[test]
fn a_closed_server_hashes_no_password() {
    let policy = RegistrationPolicy::of_clients(RegistrationMode::Closed);
    let world = World { policy, quota: Some(MockRegistrationQuota::new()), ..World::default() };
    assert_eq!(refusal(register(world, Some(uid("Goose_1")))), Some("registration_closed"));
}

#[test]
fn a_reserved_uid_counts_as_taken_except_for_operators() {
    let world = World { quota: Some(MockRegistrationQuota::new()), ..World::default() };
    assert_eq!(refusal(register(world, Some(uid("Admin_1")))), Some("uid_taken"));
    let mut world = world_of(RegistrationPolicy::OPERATOR);
    world.users.expect_register().once().returning(|_, _| Ok(RegisterOutcome::PhoneNumberTaken));
    assert_eq!(refusal(register(world, Some(uid("Admin_1")))), Some("phone_number_taken"));
}

/// A world with this policy, in which the password is hashed exactly once.
fn world_of(policy: RegistrationPolicy) -> World {
    World { policy, ..world() }
}

#[test]
fn an_unknown_invite_hashes_no_password() {
    let policy = RegistrationPolicy::of_clients(RegistrationMode::Invite);
    let mut world = World { policy, ..World::default() };
    world.invites.expect_is_open().withf(|code| code.expose() == CODE).once().returning(|_| Ok(false));
    assert_eq!(refusal(register(world, Some(uid("Goose_1")))), Some("invite_unknown"));
    let world = World { policy, ..World::default() };
    let without = Registration { invite: None, ..registration(None) };
    let registered = block_on(world.service().register(without, &client()));
    assert_eq!(refusal(registered), Some("invite_unknown"));
}

#[test]
fn the_registration_itself_decides_whether_an_invite_is_left() {
    let mut world = world_of(RegistrationPolicy::of_clients(RegistrationMode::Invite));
    world.invites.expect_is_open().once().returning(|_| Ok(true));
    let expected = world.users.expect_register();
    let expected = expected.withf(|user, _| user.invite.as_ref().is_some_and(|code| code.expose() == CODE));
    expected.once().returning(|_, _| Ok(RegisterOutcome::InviteUnknown));
    assert_eq!(refusal(register(world, Some(uid("Goose_1")))), Some("invite_unknown"));
}

#[test]
fn an_invite_is_not_used_where_none_is_needed() {
    let mut world = world();
    let expected = world.users.expect_register().withf(|user, _| user.invite.is_none());
    expected.once().returning(|_, _| Ok(RegisterOutcome::UidTaken));
    assert_eq!(refusal(register(world, Some(uid("Goose_1")))), Some("uid_taken"));
}

#[test]
fn a_chosen_uid_that_is_taken_is_refused_at_once() {
    let mut world = world();
    world.users.expect_register().once().returning(|_, _| Ok(RegisterOutcome::UidTaken));
    assert_eq!(refusal(register(world, Some(uid("Goose_1")))), Some("uid_taken"));
}

#[test]
fn a_taken_phone_number_is_refused_at_once() {
    for chosen in [None, Some(uid("Goose_1"))] {
        let mut world = world();
        world.random.expect_bytes().returning(|| Ok([0; 16]));
        world.users.expect_register().once().returning(|_, _| Ok(RegisterOutcome::PhoneNumberTaken));
        assert_eq!(refusal(register(world, chosen)), Some("phone_number_taken"));
    }
}

#[test]
fn a_generated_uid_that_is_taken_is_generated_again() {
    let mut world = world();
    let mut attempts = 0_u8;
    world.random.expect_bytes().times(3).returning(move || {
        attempts += 1;
        Ok([attempts; 16])
    });
    let mut order = Sequence::new();
    let registered = RegisterOutcome::Registered(goose(), session());
    expect_attempt(&mut world.users, &mut order, "wxid_bbbbbbbbbbbbbbb", RegisterOutcome::UidTaken);
    expect_attempt(&mut world.users, &mut order, "wxid_ccccccccccccccc", RegisterOutcome::UidTaken);
    expect_attempt(&mut world.users, &mut order, "wxid_ddddddddddddddd", registered);
    world.auth.expect_tokens_of(&session(), 1598, at(998 + 604_800));
    assert_eq!(register(world, None).unwrap().user, goose());
}

#[test]
fn generating_a_uid_gives_up_after_three_attempts() {
    let mut world = world();
    world.random.expect_bytes().times(3).returning(|| Ok([0; 16]));
    world.users.expect_register().times(3).returning(|_, _| Ok(RegisterOutcome::UidTaken));
    assert_eq!(refusal(register(world, None)), Some("uid_taken"));
}

#[test]
fn without_randomness_no_uid_is_generated() {
    let mut world = world();
    world.random.expect_bytes().once().returning(|| Err(fault()));
    assert_fault(register(world, None));
}

#[test]
fn a_password_that_cannot_be_hashed_registers_nothing() {
    let mut world = World::default();
    world.hasher.expect_hash().once().returning(|_, _| Err(fault()));
    assert_fault(register(world, Some(uid("Goose_1"))));
}

#[test]
fn a_fault_below_is_passed_on() {
    let mut world = world();
    world.users.expect_register().with(always(), eq(client().name)).once().returning(|_, _| Err(fault()));
    assert_fault(register(world, Some(uid("Goose_1"))));
}

#[test]
fn a_token_that_cannot_be_signed_is_an_internal_error() {
    let mut world = world();
    world.users.expect_register().returning(|_, _| Ok(RegisterOutcome::Registered(goose(), session())));
    world.auth.tokens.expect_sign_access().once().returning(|_| Err(PortError::internal("no key")));
    assert_eq!(refusal(register(world, Some(uid("Goose_1")))), Some("internal_error"));
}
