//! Registration: creates an account and opens its first session.

use std::sync::Arc;

use crate::account::{
    NewUser, Nickname, Password, PasswordHasher, PhoneNumber, RandomSource, RegisterOutcome,
    RegistrationError, Uid, UserRepository,
};
use crate::auth::{LoggedIn, SessionService};
use crate::known_device::ClientDevice;
use crate::login_throttle::ClientAddress;
use crate::quota::RegistrationQuota;

/// The ports of [`RegistrationService`].
pub struct RegistrationPorts {
    /// Stores accounts.
    pub users: Arc<dyn UserRepository>,
    /// Hashes passwords.
    pub hasher: Arc<dyn PasswordHasher>,
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
}

/// Registers accounts.
pub struct RegistrationService {
    ports: RegistrationPorts,
}

impl RegistrationService {
    /// Attempts to generate a free uid; two random uids collide with probability 2⁻⁷⁵.
    const UID_ATTEMPTS: usize = 3;

    /// Creates the service.
    #[must_use]
    pub const fn new(ports: RegistrationPorts) -> Self {
        Self { ports }
    }

    /// Registers an account and opens its first session. Every attempt counts against the quota of its address, before its password
    /// is hashed: the hash is what costs, and the answer may tell that a uid is taken.
    ///
    /// # Errors
    /// [`RegistrationError::UidTaken`], [`RegistrationError::PhoneNumberTaken`], [`RegistrationError::QuotaUsedUp`].
    pub async fn register(
        &self,
        registration: Registration,
        client: &ClientDevice,
    ) -> Result<LoggedIn, RegistrationError> {
        self.charge(client.address).await?;
        let password_hash = self.ports.hasher.hash(&registration.password).await?;
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
            };
            match self.ports.users.register(&user, &client.name).await? {
                RegisterOutcome::Registered(user, session) => {
                    self.ports.sessions.remember(user.id, client).await;
                    return Ok(LoggedIn { user, tokens: self.ports.sessions.issue(&session)? });
                }
                RegisterOutcome::PhoneNumberTaken => return Err(RegistrationError::PhoneNumberTaken),
                RegisterOutcome::UidTaken => {}
            }
        }
        Err(RegistrationError::UidTaken)
    }

    /// Charges the quota, unless the password could not be hashed now anyway.
    async fn charge(&self, address: Option<ClientAddress>) -> Result<(), RegistrationError> {
        let Some(quota) = &self.ports.quota else { return Ok(()) };
        self.ports.hasher.check_capacity().await?;
        quota.spend(address).await?.map_or(Ok(()), |wait| Err(RegistrationError::QuotaUsedUp(wait)))
    }
}
