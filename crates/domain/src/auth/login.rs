//! Password verification: login, reauthentication before sensitive actions, and password change.

use super::{
    Caller, DeviceName, IssuedTokens, LoggedIn, NewSession, PasswordChange, PasswordChangeOutcome,
    SessionError, SessionService,
};
use crate::account::{Credentials, LoginIdentifier, Password, PasswordAttempt};
use crate::error::PortError;
use crate::login_throttle::{Admission, AttemptResult, ClientAddress, EnteredIdentifier, ThrottleKey};

/// A login attempt.
#[derive(Debug, Clone)]
pub struct Login {
    /// The typed identifier; an account may exist for it or not.
    pub identifier: EnteredIdentifier,
    /// The typed password.
    pub attempt: PasswordAttempt,
    /// The client's network address, if it distinguishes clients.
    pub address: Option<ClientAddress>,
    /// The device name of the new session.
    pub device: DeviceName,
}

impl SessionService {
    /// Logs in. Every mismatch costs one password verification and gets the same response, so that neither the response
    /// nor its time reveals which accounts exist.
    ///
    /// # Errors
    /// [`SessionError::InvalidCredentials`] for every mismatch; [`SessionError::TooManyAttempts`] after too many of
    /// these for the identifier or from the address.
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

    /// Reauthenticates the caller by the account's password.
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

    /// Changes the caller's password, issues new tokens and ends all other sessions of the account.
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

    /// Verifies a password under the login throttle. The attempt counts as a failure before it is verified, so that
    /// concurrent attempts cannot exceed the limit, and is released unless it fails. A request cancelled in between
    /// stays counted. The capacity check comes first: a login storm must not reach the database.
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
        match self.verify(identifier, attempt).await {
            Ok(Some(credentials)) => {
                throttle.release(keys, AttemptResult::Correct).await?;
                Ok(credentials)
            }
            Ok(None) => Err(SessionError::InvalidCredentials),
            Err(error) => {
                // The original error matters more; an attempt that stays counted expires.
                let _ = throttle.release(keys, AttemptResult::Unverified).await;
                Err(error.into())
            }
        }
    }

    /// Verifies a password exactly once, whether the account exists or not.
    async fn verify(
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
