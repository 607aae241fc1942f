//! Registration: creates an account and opens its first session.

use std::sync::Arc;

use crate::account::{
    HashingTurn, NewUser, Nickname, Password, PasswordHash, PasswordHasher, PhoneNumber, RandomSource,
    RegisterOutcome, RegistrationError, Uid, UserRepository,
};
use crate::audit::{AuditEvent, AuditRecord};
use crate::auth::{LoggedIn, SessionService};
use crate::invite::{InviteCode, InviteRepository};
use crate::known_device::ClientDevice;
use crate::login_throttle::ClientAddress;
use crate::quota::RegistrationQuota;

/// The ports of [`RegistrationService`].
pub struct RegistrationPorts {
    /// Stores accounts.
    pub users: Arc<dyn UserRepository>,
    /// Hashes passwords.
    pub hasher: Arc<dyn PasswordHasher>,
    /// Stores invites.
    pub invites: Arc<dyn InviteRepository>,
    /// Generates uids for registrations without one.
    pub random: Arc<dyn RandomSource>,
    /// Issues the tokens of the first session.
    pub sessions: Arc<SessionService>,
    /// Limits registrations by address and in all; `None` for no limit.
    pub quota: Option<Arc<dyn RegistrationQuota>>,
}

/// The data of a new account.
#[derive(Debug, Clone)]
pub struct Registration {
    /// 昵称.
    pub name: Nickname,
    /// The chosen password.
    pub password: Password,
    /// 微信号; generated if absent.
    pub uid: Option<Uid>,
    /// 手机号, an optional second login identifier.
    pub phone_number: Option<PhoneNumber>,
    /// The typed invite, if it is one at all.
    pub invite: Option<InviteCode>,
}

/// Who can register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistrationMode {
    /// Every client.
    Open,
    /// Clients with an invite.
    Invite,
    /// No client. Operators create accounts.
    Closed,
}

/// The rules of registering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegistrationPolicy {
    /// Who can register.
    pub mode: RegistrationMode,
    /// Whether uids that are reserved for operators can be chosen.
    pub allows_reserved_uids: bool,
}

impl RegistrationPolicy {
    /// The rules for operators.
    pub const OPERATOR: Self = Self { mode: RegistrationMode::Open, allows_reserved_uids: true };

    /// The rules for clients.
    #[must_use]
    pub const fn of_clients(mode: RegistrationMode) -> Self {
        Self { mode, allows_reserved_uids: false }
    }
}

/// Registers accounts.
pub struct RegistrationService {
    ports: RegistrationPorts,
    policy: RegistrationPolicy,
}

impl RegistrationService {
    /// Attempts to generate a free uid; two random uids collide with probability 2⁻⁷⁵.
    const UID_ATTEMPTS: usize = 3;

    /// Creates the service.
    #[must_use]
    pub const fn new(ports: RegistrationPorts, policy: RegistrationPolicy) -> Self {
        Self { ports, policy }
    }

    /// Registers an account and opens its first session.
    ///
    /// What refuses a registration anyway is checked before the password is hashed, because the hash is what costs. Every attempt
    /// counts against the quota of the client's address: its answer may say that a uid is taken or that an invite is unknown.
    ///
    /// # Errors
    /// [`RegistrationError`], every variant.
    pub async fn register(
        &self,
        registration: Registration,
        client: &ClientDevice,
    ) -> Result<LoggedIn, RegistrationError> {
        if self.policy.mode == RegistrationMode::Closed {
            return Err(RegistrationError::Closed);
        }
        let is_reserved = registration.uid.as_ref().is_some_and(Uid::is_reserved);
        if is_reserved && !self.policy.allows_reserved_uids {
            return Err(RegistrationError::UidTaken);
        }
        self.charge(client.address).await?;
        let registration = self.admit(registration).await?;
        let turn = HashingTurn::Registration(client.address);
        let password_hash = self.ports.hasher.hash(turn, &registration.password).await?;
        self.store(registration, password_hash, client).await
    }

    /// Charges the quota, unless the password could not be hashed now anyway.
    async fn charge(&self, address: Option<ClientAddress>) -> Result<(), RegistrationError> {
        let Some(quota) = &self.ports.quota else { return Ok(()) };
        self.ports.hasher.check_capacity(HashingTurn::Registration(address)).await?;
        quota.spend(address).await?.map_or(Ok(()), |wait| Err(RegistrationError::QuotaUsedUp(wait)))
    }

    /// Checks the invite where one is needed, and drops it where none is.
    async fn admit(&self, registration: Registration) -> Result<Registration, RegistrationError> {
        if self.policy.mode != RegistrationMode::Invite {
            return Ok(Registration { invite: None, ..registration });
        }
        match &registration.invite {
            Some(code) if self.ports.invites.is_open(code).await? => Ok(registration),
            _ => Err(RegistrationError::InviteUnknown),
        }
    }

    async fn store(
        &self,
        registration: Registration,
        password_hash: PasswordHash,
        client: &ClientDevice,
    ) -> Result<LoggedIn, RegistrationError> {
        let chosen = registration.uid;
        let attempts = if chosen.is_some() { 1 } else { Self::UID_ATTEMPTS };
        for _ in 0..attempts {
            let uid = match &chosen {
                Some(uid) => uid.clone(),
                None => Uid::from_random(&self.ports.random.bytes()?),
            };
            let user = NewUser {
                uid,
                name: registration.name.clone(),
                phone_number: registration.phone_number.clone(),
                password_hash: password_hash.clone(),
                invite: registration.invite.clone(),
            };
            match self.ports.users.register(&user, &client.name).await? {
                RegisterOutcome::Registered(user, session) => {
                    let registered =
                        AuditRecord::of(AuditEvent::Registered).account(user.id).in_session(session.id);
                    self.ports.sessions.audit(registered.from_address(client.address));
                    self.ports.sessions.remember(user.id, client).await;
                    return Ok(LoggedIn { user, tokens: self.ports.sessions.issue(&session)? });
                }
                RegisterOutcome::PhoneNumberTaken => return Err(RegistrationError::PhoneNumberTaken),
                RegisterOutcome::InviteUnknown => return Err(RegistrationError::InviteUnknown),
                RegisterOutcome::UidTaken => {}
            }
        }
        Err(RegistrationError::UidTaken)
    }
}
