//! The use-cases that check a password: logging in, and typing it once more before something that matters.

use super::{
    Admission, AttemptResult, Caller, ClientAddress, DeviceName, EnteredIdentifier, IssuedTokens, LoggedIn,
    NewSession, PasswordChange, PasswordChangeOutcome, SessionError, SessionService, ThrottleKey,
};
use crate::error::PortError;
use crate::user::{Credentials, LoginIdentifier, Password, PasswordAttempt};

/// Who wants to log in, from where.
#[derive(Debug, Clone)]
pub struct Login {
    /// What was typed; an account of that name may be there or not.
    pub identifier: EnteredIdentifier,
    /// The password that was typed.
    pub attempt: PasswordAttempt,
    /// Where the caller sits, if that tells one from another.
    pub address: Option<ClientAddress>,
    /// What the session will be recognised by.
    pub device: DeviceName,
}

impl SessionService {
    /// Logs in. Whatever does not match, it costs one check of a password and is answered alike.
    ///
    /// # Errors
    /// [`SessionError::InvalidCredentials`], whatever does not match; [`SessionError::TooManyAttempts`] after too many of
    /// these for what was typed, or from this address.
    pub async fn login(&self, login: Login) -> Result<LoggedIn, SessionError> {
        let by_address = login.address.map(ThrottleKey::Address);
        let keys: Vec<_> = std::iter::once(ThrottleKey::of(&login.identifier)).chain(by_address).collect();
        let credentials = self.verify_throttled(&keys, login.identifier.parse(), &login.attempt).await?;
        let session = NewSession {
            user_id: credentials.user.id,
            verified_hash: credentials.password_hash,
            device: login.device,
        };
        let session = self.ports.sessions.open(&session).await?.ok_or(SessionError::InvalidCredentials)?;
        Ok(LoggedIn { user: credentials.user, tokens: self.issue(&session)? })
    }

    /// Makes sure that it is the account's owner who calls, by the password typed once more.
    ///
    /// # Errors
    /// [`SessionError::InvalidCredentials`]; [`SessionError::TooManyAttempts`] after too many of these for the account.
    pub async fn confirm_password(
        &self,
        caller: Caller,
        attempt: &PasswordAttempt,
    ) -> Result<(), SessionError> {
        self.reauthenticate(caller, attempt).await.map(|_| ())
    }

    /// Gives the caller a new password and a new pair of tokens, and ends all other sessions of the account.
    ///
    /// # Errors
    /// As [`Self::confirm_password`]; [`SessionError::SessionEnded`].
    pub async fn change_password(
        &self,
        caller: Caller,
        old: &PasswordAttempt,
        new: &Password,
    ) -> Result<IssuedTokens, SessionError> {
        let verified_hash = self.reauthenticate(caller, old).await?.password_hash;
        let new_hash = self.ports.hasher.hash(new).await?;
        let change = PasswordChange { caller, verified_hash, new_hash };
        match self.ports.sessions.change_password(&change).await? {
            PasswordChangeOutcome::Changed { session, ended } => {
                for session in ended {
                    self.ports.ended.mark_ended(session);
                }
                Ok(self.issue(&session)?)
            }
            PasswordChangeOutcome::OtherPassword => Err(SessionError::InvalidCredentials),
            PasswordChangeOutcome::Over => Err(SessionError::SessionEnded),
        }
    }

    async fn reauthenticate(
        &self,
        caller: Caller,
        attempt: &PasswordAttempt,
    ) -> Result<Credentials, SessionError> {
        let account = LoginIdentifier::Account(caller.user_id);
        self.verify_throttled(&[ThrottleKey::Account(caller.user_id)], Some(account), attempt).await
    }

    /// Checks a password under the brake: it is counted as a failure first, so that many guesses at once cannot slip past,
    /// and taken back unless it is one. A caller who goes away meanwhile leaves a failure behind. While too many wait for their
    /// check, nothing is done at all: a storm of logins must not become one of the database's.
    async fn verify_throttled(
        &self,
        keys: &[ThrottleKey],
        identifier: Option<LoginIdentifier>,
        attempt: &PasswordAttempt,
    ) -> Result<Credentials, SessionError> {
        self.ports.hasher.check_capacity().await?;
        let throttle = &self.ports.throttle;
        if let Admission::Refused { retry_after } = throttle.count(keys).await? {
            return Err(SessionError::TooManyAttempts(retry_after));
        }
        match self.check(identifier, attempt).await {
            Ok(Some(credentials)) => {
                throttle.release(keys, AttemptResult::Right).await?;
                Ok(credentials)
            }
            Ok(None) => Err(SessionError::InvalidCredentials),
            Err(fault) => {
                // The fault is what is told; a count that cannot be taken back is forgiven in time.
                let _ = throttle.release(keys, AttemptResult::Unchecked).await;
                Err(fault.into())
            }
        }
    }

    /// Checks a password exactly once, whether there is such an account or not.
    async fn check(
        &self,
        identifier: Option<LoginIdentifier>,
        attempt: &PasswordAttempt,
    ) -> Result<Option<Credentials>, PortError> {
        let credentials = match &identifier {
            Some(identifier) => self.ports.users.credentials(identifier).await?,
            None => None,
        };
        let hash = credentials.as_ref().map(|credentials| credentials.password_hash.clone());
        let matches = self.ports.hasher.verify(attempt, hash).await?;
        Ok(credentials.filter(|_| matches))
    }
}
