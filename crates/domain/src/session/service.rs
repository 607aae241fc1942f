use std::sync::Arc;

use super::{
    Caller, DeviceName, EndReason, EndedSessions, LoggedIn, LoginThrottle, SessionError, SessionLimits,
    SessionPage, SessionPageRequest, SessionRepository, TokenCodec, TokenLifetimes,
};
use crate::clock::Clock;
use crate::id::{SessionId, UserId};
use crate::user::{
    NewUser, Nickname, Password, PasswordHasher, PhoneNumber, RandomSource, RegisterOutcome, Uid,
    UserRepository,
};

/// What the use-cases on sessions need from the outside.
pub struct SessionPorts {
    /// Keeps the accounts.
    pub users: Arc<dyn UserRepository>,
    /// Keeps the sessions.
    pub sessions: Arc<dyn SessionRepository>,
    /// Counts wrong passwords.
    pub throttle: Arc<dyn LoginThrottle>,
    /// Hashes passwords.
    pub hasher: Arc<dyn PasswordHasher>,
    /// Signs and reads tokens.
    pub tokens: Arc<dyn TokenCodec>,
    /// Knows ended sessions.
    pub ended: Arc<dyn EndedSessions>,
    /// Stamps tokens.
    pub clock: Arc<dyn Clock>,
    /// Makes uids for those who chose none.
    pub random: Arc<dyn RandomSource>,
}

/// What somebody registers with.
#[derive(Debug, Clone)]
pub struct Registration {
    /// 昵称.
    pub name: Nickname,
    /// The chosen password.
    pub password: Password,
    /// 微信号; without one the server gives one.
    pub uid: Option<Uid>,
    /// To log in by, if wanted.
    pub phone_number: Option<PhoneNumber>,
}

/// The use-cases on sessions. Here are registering, listing and ending; those that check a password are in `login`, those
/// on tokens in `tokens`, both beside this file.
pub struct SessionService {
    pub(super) ports: SessionPorts,
    pub(super) lifetimes: TokenLifetimes,
}

impl SessionService {
    /// How often a uid is drawn anew when the one drawn is taken; one in 2⁷⁵ is.
    const UID_DRAWS: usize = 3;

    /// Wires the use-cases.
    #[must_use]
    pub const fn new(ports: SessionPorts, lifetimes: TokenLifetimes) -> Self {
        Self { ports, lifetimes }
    }

    /// Makes an account and logs it in.
    ///
    /// # Errors
    /// [`SessionError::UidTaken`], [`SessionError::PhoneNumberTaken`].
    pub async fn register(
        &self,
        registration: Registration,
        device: &DeviceName,
    ) -> Result<LoggedIn, SessionError> {
        let password_hash = self.ports.hasher.hash(&registration.password).await?;
        let chosen = registration.uid;
        let draws = if chosen.is_some() { 1 } else { Self::UID_DRAWS };
        for _ in 0..draws {
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
            match self.ports.users.register(&user, device).await? {
                RegisterOutcome::Registered(user, session) => {
                    return Ok(LoggedIn { user, tokens: self.issue(&session)? });
                }
                RegisterOutcome::PhoneNumberTaken => return Err(SessionError::PhoneNumberTaken),
                RegisterOutcome::UidTaken => {}
            }
        }
        Err(SessionError::UidTaken)
    }

    /// Ends the caller's session.
    ///
    /// # Errors
    /// Below the port.
    pub async fn logout(&self, caller: Caller) -> Result<(), SessionError> {
        self.ports.sessions.end(caller.session_id, caller.user_id, EndReason::Logout).await?;
        self.ports.ended.mark_ended(caller.session_id);
        Ok(())
    }

    /// The open sessions of the caller's account, newest first.
    ///
    /// # Errors
    /// Below the port.
    pub async fn list(&self, caller: UserId, page: &SessionPageRequest) -> Result<SessionPage, SessionError> {
        let idle = self.lifetimes.refresh.max(self.lifetimes.access);
        let open_for = SessionLimits { life: self.lifetimes.session_max, idle };
        Ok(self.ports.sessions.list(caller, open_for, page).await?)
    }

    /// Ends one session of the caller's account.
    ///
    /// # Errors
    /// [`SessionError::UnknownSession`], also for one that is over.
    pub async fn end(&self, caller: Caller, session: SessionId) -> Result<(), SessionError> {
        if !self.ports.sessions.end(session, caller.user_id, EndReason::EndedByOwner).await? {
            return Err(SessionError::UnknownSession);
        }
        self.ports.ended.mark_ended(session);
        Ok(())
    }

    /// Ends all sessions of the caller's account but the caller's own.
    ///
    /// # Errors
    /// Below the port.
    pub async fn end_others(&self, caller: Caller) -> Result<(), SessionError> {
        for session in self.ports.sessions.end_others(caller).await? {
            self.ports.ended.mark_ended(session);
        }
        Ok(())
    }
}
