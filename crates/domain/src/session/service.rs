use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};

use super::{
    AccessClaims, Caller, DeviceName, EndReason, EndedSessions, IssuedTokens, LoggedIn, NewSession,
    RefreshClaims, RefreshPolicy, RotateOrder, RotateOutcome, Session, SessionError, SessionRepository,
    TokenCodec, TokenLifetimes,
};
use crate::clock::Clock;
use crate::id::SessionId;
use crate::user::{
    LoginIdentifier, NewUser, Nickname, Password, PasswordAttempt, PasswordHasher, PhoneNumber, RandomSource,
    RegisterOutcome, Uid, UserRepository,
};

/// What the use-cases on sessions need from the outside.
pub struct SessionPorts {
    /// Keeps the accounts.
    pub users: Arc<dyn UserRepository>,
    /// Keeps the sessions.
    pub sessions: Arc<dyn SessionRepository>,
    /// Hashes passwords.
    pub hasher: Arc<dyn PasswordHasher>,
    /// Signs and reads tokens.
    pub tokens: Arc<dyn TokenCodec>,
    /// Remembers ended sessions.
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

/// The use-cases on sessions: registering, logging in, renewing tokens, logging out, and who a token stands for.
pub struct SessionService {
    ports: SessionPorts,
    lifetimes: TokenLifetimes,
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

    /// Logs in. An identifier that cannot exist is given as none and costs the same as any other.
    ///
    /// # Errors
    /// [`SessionError::InvalidCredentials`], whatever does not match.
    pub async fn login(
        &self,
        identifier: Option<LoginIdentifier>,
        attempt: &PasswordAttempt,
        device: DeviceName,
    ) -> Result<LoggedIn, SessionError> {
        let credentials = match &identifier {
            Some(identifier) => self.ports.users.credentials(identifier).await?,
            None => None,
        };
        let hash = credentials.as_ref().map(|credentials| credentials.password_hash.clone());
        let matches = self.ports.hasher.verify(attempt, hash).await?;
        let Some(credentials) = credentials.filter(|_| matches) else {
            return Err(SessionError::InvalidCredentials);
        };
        let session =
            NewSession { user_id: credentials.user.id, verified_hash: credentials.password_hash, device };
        let session = self.ports.sessions.open(&session).await?.ok_or(SessionError::InvalidCredentials)?;
        Ok(LoggedIn { user: credentials.user, tokens: self.issue(&session)? })
    }

    /// Exchanges a refresh token for the next pair of tokens.
    ///
    /// # Errors
    /// [`SessionError::InvalidToken`], [`SessionError::TokenExpired`], [`SessionError::SessionEnded`];
    /// [`SessionError::RefreshTokenReused`] for a token that was used before.
    pub async fn refresh(&self, refresh_token: &SecretString) -> Result<IssuedTokens, SessionError> {
        let now = self.ports.clock.now();
        let claims = self.ports.tokens.read_refresh(refresh_token.expose_secret(), now)?;
        let policy = RefreshPolicy {
            reuse_grace: self.lifetimes.reuse_grace,
            session_max: self.lifetimes.session_max,
        };
        match self.ports.sessions.rotate(&RotateOrder { claims, policy }).await? {
            RotateOutcome::Rotated(session) => Ok(self.issue(&session)?),
            RotateOutcome::Reused => Err(SessionError::RefreshTokenReused),
            RotateOutcome::Stolen => {
                self.refuse_access_tokens_of(claims.session_id);
                Err(SessionError::RefreshTokenReused)
            }
            RotateOutcome::Over => Err(SessionError::SessionEnded),
        }
    }

    /// Ends the caller's session.
    ///
    /// # Errors
    /// Below the port.
    pub async fn logout(&self, caller: Caller) -> Result<(), SessionError> {
        self.ports.sessions.end(caller.session_id, caller.user_id, EndReason::Logout).await?;
        self.refuse_access_tokens_of(caller.session_id);
        Ok(())
    }

    /// Tells who calls by the access token that came with the call.
    ///
    /// # Errors
    /// [`SessionError::InvalidToken`], [`SessionError::TokenExpired`], [`SessionError::SessionEnded`].
    pub fn authenticate(&self, access_token: &str) -> Result<Caller, SessionError> {
        let now = self.ports.clock.now();
        let claims = self.ports.tokens.read_access(access_token, now)?;
        if self.ports.ended.contains(claims.session_id, now) {
            return Err(SessionError::SessionEnded);
        }
        Ok(Caller { user_id: claims.user_id, session_id: claims.session_id })
    }

    /// Refuses the access tokens of a session that has just been ended. The clock is read afterwards, so that tokens signed
    /// while the session was being ended are covered to their last second.
    fn refuse_access_tokens_of(&self, session: SessionId) {
        self.ports.ended.remember(session, later(self.ports.clock.now(), self.lifetimes.access));
    }

    /// Signs a pair of tokens. Neither outlives the session, which refreshing does not extend.
    fn issue(&self, session: &Session) -> Result<IssuedTokens, SessionError> {
        let now = self.ports.clock.now();
        let session_over = later(session.created_at, self.lifetimes.session_max);
        let left = session_over.signed_duration_since(now).to_std().unwrap_or_default();
        let expires_in = self.lifetimes.access.min(left);
        let access = self.ports.tokens.sign_access(&AccessClaims {
            user_id: session.user_id,
            session_id: session.id,
            issued_at: now,
            expires_at: later(now, expires_in),
        })?;
        let refresh = self.ports.tokens.sign_refresh(&RefreshClaims {
            user_id: session.user_id,
            session_id: session.id,
            generation: session.generation,
            issued_at: session.refreshed_at,
            expires_at: later(session.refreshed_at, self.lifetimes.refresh).min(session_over),
        })?;
        Ok(IssuedTokens { access, refresh, expires_in })
    }
}

/// `time` plus `duration`, or the end of time when that is beyond it.
fn later(time: DateTime<Utc>, duration: std::time::Duration) -> DateTime<Utc> {
    TimeDelta::from_std(duration)
        .ok()
        .and_then(|duration| time.checked_add_signed(duration))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}
